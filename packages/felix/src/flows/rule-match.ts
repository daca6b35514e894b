/** What the rules of policies say of one flow: the meaning that `rules/` gives them in the kernel, for flows that have begun. Pure. */
import { type Cidr, cidrContains, type Ip, ipVersion } from '@calico-node/model'
import type { CalcRule, CalcSide, PortSpec } from '../calc/messages.ts'
import { IP_PROTOCOL } from '../rules/vocabulary.ts'
import type { MemberSet } from './member-set.ts'

/** A flow as the policy of endpoints sees it: before the source and after the destination is translated. */
export interface Flow {
  readonly protocol: number
  readonly source: FlowEnd
  readonly destination: FlowEnd
  readonly icmp?: { readonly type: number; readonly code: number }
}
export interface FlowEnd {
  readonly ip: Ip
  readonly port?: number
}

export type Sets = ReadonlyMap<string, MemberSet>

export function ruleMatches(rule: CalcRule, flow: Flow, sets: Sets): boolean {
  const version = ipVersion(flow.source.ip)
  const wantsIcmp = rule.icmp !== undefined || rule.notIcmp !== undefined
  if (rule.ipVersion !== undefined && rule.ipVersion !== version) return false
  if (rule.protocol !== undefined && rule.protocol !== flow.protocol) return false
  if (rule.notProtocol === flow.protocol) return false
  if (wantsIcmp && flow.protocol !== (version === 4 ? IP_PROTOCOL.icmp : IP_PROTOCOL.icmpv6)) return false
  if (rule.icmp !== undefined && !isIcmp(rule.icmp, flow)) return false
  if (rule.notIcmp !== undefined && isIcmp(rule.notIcmp, flow)) return false
  return (
    sideMatches(rule.source, flow.source, flow.protocol, sets) &&
    sideMatches(rule.destination, flow.destination, flow.protocol, sets)
  )
}

const isIcmp = ({ type, code }: { readonly type: number; readonly code?: number }, { icmp }: Flow): boolean =>
  icmp?.type === type && (code === undefined || icmp.code === code)

const PORT_PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [IP_PROTOCOL.tcp, 'tcp'],
  [IP_PROTOCOL.udp, 'udp'],
  [IP_PROTOCOL.sctp, 'sctp'],
])

function sideMatches(side: CalcSide, { ip, port }: FlowEnd, protocol: number, sets: Sets): boolean {
  const inNets = (nets: readonly Cidr[]): boolean =>
    nets.some((net) => ipVersion(net) === ipVersion(ip) && cidrContains(net, ip))
  const inPorts = (ports: readonly PortSpec[]): boolean =>
    port !== undefined && ports.some(({ first, last }) => first <= port && port <= last)
  const holds = (id: string): boolean => sets.get(id)?.hasAddress(ip) === true
  const holdsPort = (id: string): boolean => {
    const name = PORT_PROTOCOLS.get(protocol)
    return name !== undefined && port !== undefined && sets.get(id)?.has(`${ip},${name}:${port}`) === true
  }
  const wantsPort = side.ports.length + side.portSets.length > 0
  return (
    (side.nets.length === 0 || inNets(side.nets)) &&
    !inNets(side.notNets) &&
    (!wantsPort || inPorts(side.ports) || side.portSets.some(holdsPort)) &&
    !inPorts(side.notPorts) &&
    !side.notPortSets.some(holdsPort) &&
    side.sets.every(holds) &&
    !side.notSets.some(holds)
  )
}
