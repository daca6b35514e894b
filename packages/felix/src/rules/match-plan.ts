/**
 * From the match fields of one policy rule to what a packet filter can express.
 *
 * A packet-filter rule is a conjunction of single matches, a policy rule also holds lists of alternatives and lists of
 * exclusions. The plan keeps the three apart; `policy.ts` lays them out as rules.
 */
import type { IpVersion, Match, PortRange, Side } from '@calico-node/linux'
import { type Cidr, cidrPrefixLength, ipVersion as versionOf } from '@calico-node/model'
import type { CalcRule, CalcSide, SetId } from '../calc/messages.ts'
import { ipSetName } from './names.ts'
import { IP_PROTOCOL, type Negatable, not, protocol } from './vocabulary.ts'

/** The packet matches when all of `all` hold, one alternative of each entry of `anyOf` holds, and none of `noneOf` does. */
export interface MatchPlan {
  readonly all: readonly Match[]
  /** Each entry: alternatives, each a conjunction of its own. Never fewer than two. */
  readonly anyOf: readonly (readonly (readonly Match[])[])[]
  readonly noneOf: readonly Match[]
}

/** Undefined when no packet of this IP version can match. */
export function matchPlan(rule: CalcRule, version: IpVersion): MatchPlan | undefined {
  if (rule.ipVersion !== undefined && rule.ipVersion !== version) return undefined
  const carrier = protocolMatches(rule, version)
  const source = sidePlan(rule.source, { side: 'source', version, carrier })
  const destination = sidePlan(rule.destination, { side: 'destination', version, carrier })
  if (carrier === undefined || source === undefined || destination === undefined) return undefined
  return {
    all: [...carrier, ...source.all, ...destination.all, ...icmpMatches(rule)],
    anyOf: [...source.anyOf, ...destination.anyOf],
    noneOf: [...source.noneOf, ...destination.noneOf],
  }
}

/** ICMP types exist only inside ICMP, which is another protocol in each IP version. */
function protocolMatches(rule: CalcRule, version: IpVersion): readonly Match[] | undefined {
  const negative = rule.notProtocol === undefined ? [] : [not(protocol(rule.notProtocol))]
  const wantsIcmp = rule.icmp !== undefined || rule.notIcmp !== undefined
  if (!wantsIcmp) return rule.protocol === undefined ? negative : [protocol(rule.protocol), ...negative]
  const icmp = version === 4 ? IP_PROTOCOL.icmp : IP_PROTOCOL.icmpv6
  return (rule.protocol ?? icmp) === icmp ? [protocol(icmp), ...negative] : undefined
}

const icmpMatches = ({ icmp, notIcmp }: CalcRule): Match[] => [
  ...(icmp === undefined ? [] : [{ kind: 'icmp', ...icmp } as const]),
  ...(notIcmp === undefined ? [] : [{ kind: 'icmp', ...notIcmp, negate: true } as const]),
]

interface SideContext {
  readonly side: Side
  readonly version: IpVersion
  /** A port match must stand beside the protocol that has ports. */
  readonly carrier: readonly Match[] | undefined
}

function sidePlan(given: CalcSide, { side, version, carrier = [] }: SideContext): MatchPlan | undefined {
  const nets = given.nets.filter((cidr) => versionOf(cidr) === version)
  const notNets = given.notNets.filter((cidr) => versionOf(cidr) === version)
  const isForOtherVersion = (all: readonly Cidr[], ours: readonly Cidr[]): boolean =>
    all.length > 0 && ours.length === 0
  if (isForOtherVersion(given.nets, nets) || isForOtherVersion(given.notNets, notNets)) return undefined
  if (notNets.some(isEverything)) return undefined

  const net = (cidr: Cidr): Negatable => ({ kind: 'net', side, cidr })
  const set = (id: SetId): Negatable => ({ kind: 'set', side, set: ipSetName(version, id) })
  const portSet = (id: SetId): Negatable => ({ kind: 'set', side, set: ipSetName(version, id), withPort: true })
  const ports = (group: readonly PortRange[]): Negatable => ({ kind: 'ports', side, ports: group })

  const positiveNets = nets.some(isEverything) ? [] : nets.map((cidr) => [net(cidr)])
  const positivePorts = [
    ...portGroups(given.ports).map((group) => [...carrier, ports(group)]),
    ...given.portSets.map((id) => [portSet(id)]),
  ]
  // one rule holds at most one net match a side, positive or negative
  const inlineNotNet = notNets.length === 1 && positiveNets.length !== 1
  return {
    all: [
      ...onlyChoice(positiveNets),
      ...given.sets.map(set),
      ...onlyChoice(positivePorts).filter((match) => !carrier.includes(match)),
      ...(inlineNotNet ? notNets.map((cidr) => not(net(cidr))) : []),
      ...given.notSets.map((id) => not(set(id))),
      ...portGroups(given.notPorts).map((group) => not(ports(group))),
      ...given.notPortSets.map((id) => not(portSet(id))),
    ],
    anyOf: [positiveNets, positivePorts].filter((choices) => choices.length > 1),
    noneOf: inlineNotNet ? [] : notNets.map(net),
  }
}

const isEverything = (cidr: Cidr): boolean => cidrPrefixLength(cidr) === 0

/** What all packets must match when there is no real choice. */
const onlyChoice = (choices: readonly (readonly Match[])[]): readonly Match[] =>
  choices.length === 1 ? (choices[0] ?? []) : []

const SLOTS = 15

/** Groups of ports that fit one match each: 15 slots, of which a range takes two. */
export function portGroups(ports: readonly PortRange[]): PortRange[][] {
  const groups: PortRange[][] = []
  let free = 0
  for (const range of ports) {
    const cost = range.first === range.last ? 1 : 2
    if (cost > free) {
      groups.push([])
      free = SLOTS
    }
    groups.at(-1)?.push(range)
    free -= cost
  }
  return groups
}
