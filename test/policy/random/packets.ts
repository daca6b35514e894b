/** Random packets, chosen so that many different decisions are taken, about as many for them as against them. */
import {
  cidrBase,
  type EntityRuleSpec,
  findCidr,
  type Ip,
  ipVersion,
  portRange,
  protocolNumber,
  type Resource,
  type RuleSpec,
} from '@calico-node/model'
import type { Packet, Verdict } from '@calico-node/policy'
import { interfaceOf, NODE } from '../kernel/scene.ts'
import { HOST_IPS, type Shot, UPLINK } from '../kernel/wires.ts'
import { HOST, type Reference } from '../questions.ts'
import type { Random } from './random.ts'
import { rulesOf } from './rules.ts'
import { ICMP_TYPES, LOCAL_IPS, OTHER_PROTOCOLS, OUTSIDE_IPS, PORTS, WORKLOADS } from './vocabulary.ts'

/** What is tried for each packet that is kept. */
const CANDIDATES_EACH = 4
const WITH_PORTS = new Set([6, 17, 132, 136])

/** `count` packets, or fewer when the resources leave no choice. */
export function randomShots(
  random: Random,
  resources: readonly Resource[],
  { reference, count }: { reference: Reference; count: number },
): Shot[] {
  const homes = homesOf(resources)
  const rules = resources.flatMap(rulesOf)
  const flows = new Set<string>()
  const byDecision = new Map<string, Shot[]>()
  for (let tries = 0; tries < count * CANDIDATES_EACH; tries++) {
    const shot = randomShot(
      random,
      homes,
      random.maybe(0.6, () => random.pick(rules)),
    )
    if (!isNewFlow(shot.packet, flows)) continue
    const verdict = reference.ask(shot.packet, shot.from, shot.to)
    const decision = decisionKey(verdict)
    byDecision.set(decision, [...(byDecision.get(decision) ?? []), shot])
  }
  return takeInTurn(random, byDecision, count)
}

/** Which address leads to which interface. */
export function homesOf(resources: readonly Resource[]): ReadonlyMap<Ip, string> {
  const homes = new Map<Ip, string>(HOST_IPS.map((ip) => [ip, HOST]))
  for (const item of resources) {
    if (item.kind !== 'WorkloadEndpoint' || item.spec.node !== NODE) continue
    for (const net of item.spec.ipNetworks ?? []) {
      const cidr = findCidr(net)
      if (cidr !== undefined) homes.set(cidrBase(cidr), item.spec.interfaceName)
    }
  }
  return homes
}

/** @param aim A rule that it should have a chance to match. */
function randomShot(random: Random, homes: ReadonlyMap<Ip, string>, aim: RuleSpec | undefined): Shot {
  const version = random.weighted<4 | 6>([3, 4], [2, 6])
  const ofVersion = (ips: readonly Ip[]): Ip[] => ips.filter((ip) => ipVersion(ip) === version)
  const from = random.weighted<() => string>(
    [6, () => interfaceOf(random.pick(WORKLOADS))],
    [3, () => UPLINK],
    [0.5, () => HOST],
  )()
  const own =
    from === HOST ? HOST_IPS : from === UPLINK ? OUTSIDE_IPS : LOCAL_IPS.filter((ip) => homes.get(ip) === from)
  const known = ofVersion(own)
  const source = random.pick(
    known.length === 0 || (from !== HOST && random.chance(0.02)) ? ofVersion([...LOCAL_IPS, ...OUTSIDE_IPS]) : known,
  )
  const destinations = random.weighted(
    [from === HOST ? 1 : 7, LOCAL_IPS],
    [2, OUTSIDE_IPS],
    [from === HOST ? 0 : 1, HOST_IPS],
  )
  const destination = random.pick(ofVersion(destinations))
  return {
    packet: { source, destination, ...randomBody(random, version, aim) },
    from,
    to: homes.get(destination) ?? UPLINK,
  }
}

function randomBody(random: Random, version: 4 | 6, aim: RuleSpec | undefined): Omit<Packet, 'source' | 'destination'> {
  const icmp = version === 4 ? 1 : 58
  const wanted = aim?.protocol === undefined ? undefined : protocolNumber(aim.protocol)
  const any = random.weighted([8, 6], [6, 17], [3, icmp], [3, 132], [1, 136], [1, random.pick(OTHER_PROTOCOLS)])
  const protocol = wanted === undefined || wanted === 1 || wanted === 58 ? any : wanted
  if (protocol === icmp)
    return { protocol, icmp: { type: random.pick<number>(ICMP_TYPES[version]), code: random.below(3) } }
  if (!WITH_PORTS.has(protocol)) return { protocol }
  const port = (side: EntityRuleSpec | undefined): number => {
    const ranges = [...(side?.ports ?? []), ...(side?.notPorts ?? [])].flatMap((each) => portRange(each) ?? [])
    if (ranges.length === 0 || random.chance(0.2))
      return random.chance(0.15) ? 1 + random.below(65_535) : random.pick(PORTS)
    const { first, last } = random.pick(ranges)
    return Math.max(1, random.pick([first, last, first - 1, Math.min(65_535, last + 1)]))
  }
  return { protocol, sourcePort: port(aim?.source), destinationPort: port(aim?.destination) }
}

/** In neither direction the same as one before: connection tracking would know it. */
function isNewFlow(
  { source, destination, protocol, sourcePort = 0, destinationPort = 0, icmp }: Packet,
  flows: Set<string>,
): boolean {
  if (icmp !== undefined) return true // each has an identifier of its own
  const ends = [`${source} ${sourcePort}`, `${destination} ${destinationPort}`].toSorted()
  const key = [protocol, ...ends].join()
  const isNew = !flows.has(key)
  flows.add(key)
  return isNew
}

/** What decided at each stage, as far as it got. */
const decisionKey = ({ action, stages }: Verdict): string =>
  `${action} ${JSON.stringify(stages.map(({ endpoint, kind, decision }) => [endpoint, kind, decision]))}`

/** One of each decision after another, an allowed and a denied one in turn as long as there are both. */
function takeInTurn(random: Random, byDecision: ReadonlyMap<string, readonly Shot[]>, count: number): Shot[] {
  const queue = (action: 'allow' | 'deny'): Shot[] => {
    const lists = random.shuffled([...byDecision].filter(([key]) => key.startsWith(action)).map(([, shots]) => shots))
    const longest = Math.max(0, ...lists.map(({ length }) => length))
    return random.list(longest, (at) => lists.flatMap((list) => list[at] ?? [])).flat()
  }
  const [allowed, denied] = [queue('allow'), queue('deny')]
  const half = Math.ceil(count / 2)
  const most = Math.max(half, count - Math.min(allowed.length, denied.length))
  return random.shuffled([...allowed.slice(0, most), ...denied.slice(0, most)].slice(0, count))
}
