/**
 * What the resources say about the first packet of a flow on one host: a pure function, the reference that the data plane is
 * held against. It shares nothing with Felix but the model.
 *
 * ```
 * arriving    own source? (workload) | untracked in (outside)  ->  pre-DNAT in
 *   delivered to the host    host in (outside)  |  workload out -> to-host action (workload)
 *   forwarded                forward in -> workload out -> workload in -> forward out
 * sent by the host           untracked out -> host out     (to its own workloads: always)
 * ```
 * Host stages speak where a host endpoint governs the interface. Only one for all interfaces (`*`) governs those of
 * workloads, and then only what is forwarded or comes before DNAT.
 */
import { cidrContains, type Cidr, type Ip } from '@calico-node/model'
import type { Packet, Place } from './packet.ts'
import { applyingTiers, type Direction, evaluateStage } from './stage.ts'
import type { Decision, Stage, Verdict } from './verdict.ts'
import type { Endpoint, World } from './world.ts'

/** A port that host endpoint policy never closes. `net` is the other side. */
export interface Failsafe {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
  readonly net?: Cidr
}

export interface HostFacts {
  /** The node that is asked. */
  readonly node: string
  /** Addresses of the host's interfaces, for host endpoints without an interface name. */
  readonly interfaces: ReadonlyMap<string, readonly Ip[]>
  readonly endpointToHostAction: 'Drop' | 'Return' | 'Accept'
  readonly failsafeInbound: readonly Failsafe[]
  readonly failsafeOutbound: readonly Failsafe[]
  /** UDP port of VXLAN, which workloads may not send to. */
  readonly vxlanPort: number
}

export interface Question {
  readonly world: World
  readonly host: HostFacts
  readonly packet: Packet
  readonly from: Place
  readonly to: Place
}

export function evaluate(question: Question): Verdict {
  const stages: Stage[] = []
  for (const stage of stagesOf(question)) {
    stages.push(stage)
    if (stage.action === 'deny') return { action: 'deny', stages }
  }
  return { action: 'allow', stages }
}

function* stagesOf(question: Question): Iterable<Stage> {
  const { from, to } = question
  if (from.kind === 'host') {
    yield* sent(question, to)
    return
  }
  const accepted = yield* arriving(question)
  yield* to.kind === 'host' ? delivered(question, accepted) : forwarded(question, accepted)
}

/** Before routing. @returns Whether host policy let it pass for good: it is not asked again on the way in. */
function* arriving(question: Question): Generator<Stage, boolean> {
  const { from, packet, world } = question
  if (from.kind === 'workload') {
    const { nets } = endpointNamed(world, from.endpoint)
    if (!nets.some((net) => cidrContains(net, packet.source))) yield refused(from.endpoint, 'egress', 'spoofed-source')
  }
  if (from.kind === 'unknown-workload') yield refused(from.interfaceName, 'egress', 'unknown-interface')
  const name = from.kind === 'outside' ? from.interfaceName : undefined
  for (const kind of name === undefined ? PRE_DNAT : (['host-untracked', ...PRE_DNAT] as const)) {
    for (const stage of hostStage(question, kind, 'ingress', name)) {
      yield stage
      if (stage.action === 'allow') return name !== undefined
    }
  }
  return false
}
const PRE_DNAT = ['host-pre-dnat'] as const

function* delivered(question: Question, accepted: boolean): Iterable<Stage> {
  const { from, host, packet } = question
  if (from.kind === 'outside' && !accepted) yield* hostStage(question, 'host', 'ingress', from.interfaceName)
  if (from.kind !== 'workload') return
  if (isNeighbourDiscovery(packet, NEIGHBOUR_DISCOVERY)) {
    yield aside(from.endpoint, 'egress', { kind: 'neighbour-discovery' })
    return
  }
  yield* workloadEgress(question, from.endpoint)
  const decision = { kind: 'endpoint-to-host-action', action: host.endpointToHostAction } as const
  yield { ...aside(from.endpoint, 'egress', decision), action: decision.action === 'Drop' ? 'deny' : 'continue' }
}

function* forwarded(question: Question, accepted: boolean): Iterable<Stage> {
  const { from, to, world } = question
  if (!accepted) yield* hostStage(question, 'host-forward', 'ingress', interfaceOf(from))
  if (from.kind === 'workload') yield* workloadEgress(question, from.endpoint)
  if (to.kind === 'workload') {
    yield evaluateStage({
      ...question,
      endpoint: endpointNamed(world, to.endpoint),
      direction: 'ingress',
      kind: 'workload',
    })
  }
  if (to.kind === 'unknown-workload') yield refused(to.interfaceName, 'ingress', 'unknown-interface')
  yield* hostStage(question, 'host-forward', 'egress', interfaceOf(to))
}

function* sent(question: Question, to: Place): Iterable<Stage> {
  if (to.kind !== 'outside') {
    const name = to.kind === 'workload' ? to.endpoint : 'host'
    yield aside(name, 'ingress', { kind: 'unrestricted', why: 'a host may always reach its own workloads' })
    return
  }
  for (const kind of ['host-untracked', 'host'] as const) {
    for (const stage of hostStage(question, kind, 'egress', to.interfaceName)) {
      yield stage
      if (stage.action === 'allow') return
    }
  }
}

function* workloadEgress(question: Question, name: string): Iterable<Stage> {
  const { world, packet, host } = question
  const { protocol, destinationPort } = packet
  if (protocol === 4 || (protocol === 17 && destinationPort === host.vxlanPort)) {
    yield refused(name, 'egress', 'encapsulated')
  }
  yield evaluateStage({ ...question, endpoint: endpointNamed(world, name), direction: 'egress', kind: 'workload' })
}

/** Something decided or noted beside policies and profiles. */
const aside = (endpoint: string, direction: Direction, decision: Decision): Stage => ({
  endpoint,
  direction,
  kind: 'workload',
  action: 'continue',
  decision,
  steps: [],
})

const refused = (
  endpoint: string,
  direction: Direction,
  kind: 'spoofed-source' | 'encapsulated' | 'unknown-interface',
): Stage => ({ ...aside(endpoint, direction, { kind }), action: 'deny' })

/** MLD query, report, done; router solicitation, neighbour solicitation and advertisement. */
const NEIGHBOUR_DISCOVERY = new Set([130, 131, 132, 133, 135, 136])
/** A host also takes router advertisements, and reports its groups in version 2 of MLD. */
const HOST_NEIGHBOUR_DISCOVERY = new Set([...NEIGHBOUR_DISCOVERY, 134, 143])
const isNeighbourDiscovery = ({ protocol, icmp }: Packet, types: ReadonlySet<number>): boolean =>
  protocol === 58 && icmp !== undefined && types.has(icmp.type)

const interfaceOf = (place: Place): string | undefined => (place.kind === 'outside' ? place.interfaceName : undefined)

function endpointNamed(world: World, name: string): Endpoint {
  const found = world.endpoints.find((endpoint) => endpoint.kind === 'workload' && endpoint.name === name)
  if (found === undefined) throw new RangeError(`Cannot evaluate: there is no workload endpoint ${name}`)
  return found
}

/** The host endpoint that governs an interface: by name or by address the first by name, else the first `*`. */
function hostEndpointOf({ world, host }: Question, interfaceName: string | undefined): Endpoint | undefined {
  const ours = world.endpoints
    .filter((endpoint) => endpoint.kind === 'host' && endpoint.node === host.node)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const addresses = interfaceName === undefined ? [] : (host.interfaces.get(interfaceName) ?? [])
  const specific = ours.find((endpoint) =>
    endpoint.interfaceName === undefined
      ? endpoint.nets.some((net) => addresses.some((ip) => cidrContains(net, ip)))
      : endpoint.interfaceName === interfaceName,
  )
  return specific ?? ours.find((endpoint) => endpoint.interfaceName === '*')
}

/** The stage of the host endpoint that governs the interface, if there is one and it has anything to say. */
function* hostStage(
  question: Question,
  kind: Exclude<Stage['kind'], 'workload'>,
  direction: Direction,
  interfaceName: string | undefined,
): Iterable<Stage> {
  const endpoint = hostEndpointOf(question, interfaceName)
  if (endpoint === undefined) return
  if (kind === 'host-untracked' && endpoint.interfaceName === '*') return
  const tiers = applyingTiers({ ...question, endpoint, direction, kind })
  if (kind !== 'host' && tiers.length === 0) return
  const exempt = kind === 'host-forward' ? undefined : exemption(question, direction, kind)
  if (exempt === undefined) yield evaluateStage({ ...question, endpoint, direction, kind })
  else {
    const action = kind === 'host' ? 'allow' : 'continue'
    yield { endpoint: endpoint.name, direction, kind, action, decision: exempt, steps: [] }
  }
}

/**
 * What no host endpoint closes. It passes the stage that is asked and no other: with the port of a failsafe as its source,
 * a packet passes untracked policy, yet is no reply as long as it begins a flow.
 */
function exemption(question: Question, direction: Direction, kind: Stage['kind']): Decision | undefined {
  const failsafe = failsafeFor(question, direction, kind === 'host-untracked')
  if (failsafe !== undefined) return { kind: 'failsafe', protocol: failsafe.protocol, port: failsafe.port }
  return isNeighbourDiscovery(question.packet, HOST_NEIGHBOUR_DISCOVERY) ? { kind: 'neighbour-discovery' } : undefined
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const

/** Untracked policy has no connection tracking, so there replies of the other direction's failsafes count, too. */
function failsafeFor({ packet, host }: Question, direction: Direction, withReplies: boolean): Failsafe | undefined {
  const [own, other] =
    direction === 'ingress'
      ? [host.failsafeInbound, host.failsafeOutbound]
      : [host.failsafeOutbound, host.failsafeInbound]
  const remote = direction === 'ingress' ? packet.source : packet.destination
  const hit =
    (port: number | undefined) =>
    (entry: Failsafe): boolean =>
      NUMBERS[entry.protocol] === packet.protocol &&
      entry.port === port &&
      (entry.net === undefined || cidrContains(entry.net, remote))
  return own.find(hit(packet.destinationPort)) ?? (withReplies ? other.find(hit(packet.sourcePort)) : undefined)
}
