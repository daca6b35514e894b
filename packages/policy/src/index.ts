export { evaluate, type Failsafe, type HostFacts, type Question } from './evaluate.ts'
export type { Packet, Place } from './packet.ts'
export type { Decision, Stage, Step, Verdict } from './verdict.ts'
export { World, type Endpoint, type Entity, type NamedPort, type Policy, type Tier } from './world.ts'
