import {
  cidrContains,
  ipVersion,
  parseCidr,
  portRange,
  protocolNumber,
  type EntityRuleSpec,
  type RuleSpec,
} from '@calico-node/model'
import type { Packet } from './packet.ts'
import { sideSelectors } from './scope.ts'
import type { Entity, World } from './world.ts'

const WITH_PORTS = new Set([6, 17, 132])
const ICMP = { 4: 1, 6: 58 } as const

/**
 * Why a rule does not match a packet, in a few words; `undefined` when it matches. All criteria of a rule must hold; the
 * entries of a list are alternatives.
 */
export function mismatch(
  world: World,
  rule: RuleSpec,
  packet: Packet,
  namespace: string | undefined,
): string | undefined {
  const version = ipVersion(packet.source)
  if (rule.http !== undefined) return 'HTTP matches are not supported: the rule never matches'
  if (rule.ipVersion !== undefined && rule.ipVersion !== version) return `the packet is IPv${version}`
  if (rule.protocol !== undefined && protocolNumber(rule.protocol) !== packet.protocol)
    return `protocol is not ${rule.protocol}`
  if (rule.notProtocol !== undefined && protocolNumber(rule.notProtocol) === packet.protocol)
    return `protocol is ${rule.notProtocol}`
  return (
    icmpMismatch(rule, packet, version) ??
    sideMismatch('source', world, rule, packet, namespace) ??
    sideMismatch('destination', world, rule, packet, namespace)
  )
}

function icmpMismatch({ icmp, notICMP }: RuleSpec, packet: Packet, version: 4 | 6): string | undefined {
  const seen = packet.protocol === ICMP[version] ? packet.icmp : undefined
  const same = (want: { type?: number | undefined; code?: number | undefined }): boolean =>
    seen !== undefined &&
    (want.type === undefined || want.type === seen.type) &&
    (want.code === undefined || want.code === seen.code)
  if (icmp !== undefined && !same(icmp)) return 'ICMP type or code differs'
  if (notICMP !== undefined && (seen === undefined || same(notICMP))) return 'ICMP type and code are excluded'
  return undefined
}

function sideMismatch(
  which: 'source' | 'destination',
  world: World,
  rule: RuleSpec,
  packet: Packet,
  namespace: string | undefined,
): string | undefined {
  const side = rule[which]
  const [ip, port] =
    which === 'source' ? [packet.source, packet.sourcePort] : [packet.destination, packet.destinationPort]
  if (side.services !== undefined) return `${which} services need Kubernetes: the rule never matches`
  const version = ipVersion(ip)
  const inNet = (net: string): boolean => cidrContains(parseCidr(net), ip)
  const ofVersion = (nets: readonly string[]): readonly string[] =>
    nets.filter((net) => ipVersion(parseCidr(net)) === version)
  const { nets = [], notNets = [], ports = [], notPorts = [] } = side
  if (nets.length > 0 && !nets.some(inNet)) return `${which} address is in none of the nets`
  // A rule whose exclusions are all of the other family is a rule for that family.
  if (notNets.length > 0 && ofVersion(notNets).length === 0) return `the notNets are not IPv${version}`
  if (notNets.some(inNet)) return `${which} address is in an excluded net`

  const { positive, negative } = sideSelectors(side, namespace)
  const here = world.entitiesAt(ip)
  const selected = positive === undefined ? undefined : here.filter((entity) => positive.matches(entity.labels))
  if (selected?.length === 0) return `${which} is not selected by ${positive?.text}`
  if (negative !== undefined && here.some((entity) => negative.matches(entity.labels)))
    return `${which} is excluded by ${negative.text}`

  const protocol = protocolNumber(rule.protocol ?? 'TCP')
  const candidates = selected ?? here
  const hits = (list: NonNullable<EntityRuleSpec['ports']>): boolean =>
    port !== undefined &&
    WITH_PORTS.has(packet.protocol) &&
    list.some((want) => portHits(want, { candidates, protocol, packet, port }))
  if (ports.length > 0 && !hits(ports)) return `${which} port is not listed`
  if (notPorts.length > 0 && hits(notPorts)) return `${which} port is excluded`
  return undefined
}

interface PortContext {
  readonly candidates: readonly Entity[]
  readonly protocol: number
  readonly packet: Packet
  readonly port: number
}

/** A number or range is compared; a name stands for the ports of that name of the endpoints at the address. */
function portHits(
  want: NonNullable<EntityRuleSpec['ports']>[number],
  { candidates, protocol, packet, port }: PortContext,
): boolean {
  const range = portRange(want)
  if (range !== undefined) return port >= range.first && port <= range.last
  const named = protocol === 17 || protocol === 132 ? protocol : 6
  return (
    packet.protocol === named &&
    candidates.some((entity) =>
      entity.ports.some((have) => have.name === want && have.protocol === named && have.port === port),
    )
  )
}
