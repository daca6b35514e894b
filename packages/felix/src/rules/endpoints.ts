/**
 * The two chains of a workload: `cali-tw-IF` for packets to it, `cali-fw-IF` for packets from it.
 *
 * Whoever jumps here wants to know whether this end allows the packet: returning says yes. The final accept is the
 * caller's, so that for a flow between two local workloads both ends are asked. Without any policy or profile the packet
 * drops. Established flows pass before policy is asked.
 */
import type { Chain, Rule } from '@calico-node/linux'
import type { EndpointTier, PolicyId, WorkloadEndpoint } from '../calc/messages.ts'
import {
  fromWorkloadChainName, policyChainName, type PolicyDirection, profileChainName, toWorkloadChainName,
} from './names.ts'
import type { RuleSettings } from './settings.ts'
import {
  clearMark, IP_PROTOCOL, jump, marked, protocol, RETURN, rule, setMark, tracked, unmarked,
} from './vocabulary.ts'

export type PolicedEndpoint = Pick<WorkloadEndpoint, 'interfaceName' | 'tiers' | 'profiles'>

/** Equal in both IP versions. */
export function workloadChains(endpoint: PolicedEndpoint, settings: RuleSettings): Chain[] {
  const name = endpoint.interfaceName
  return [
    { name: toWorkloadChainName(name), rules: endpointRules(endpoint, 'ingress', settings) },
    { name: fromWorkloadChainName(name), rules: endpointRules(endpoint, 'egress', settings) },
  ]
}

export const workloadChainNames = (interfaceName: string): string[] =>
  [toWorkloadChainName(interfaceName), fromWorkloadChainName(interfaceName)]

function endpointRules(endpoint: PolicedEndpoint, direction: PolicyDirection, settings: RuleSettings): Rule[] {
  const { marks, deny } = settings
  return [
    ...connectionRules(settings),
    rule([], clearMark(marks.accept, marks.pass)),
    ...(direction === 'egress' ? tunnelRules(settings) : []),
    ...endpoint.tiers.flatMap((tier) => tierRules(tier, direction, settings)),
    ...endpoint.profiles.flatMap((id) => [
      rule([], jump(profileChainName(id, direction))),
      rule([marked(marks.accept)], RETURN, 'Allowed by profile'),
    ]),
    rule([], deny, 'Neither policy nor profile allows it'),
  ]
}

/** What connection tracking already knows. */
function connectionRules({ marks, filterAllow, deny, dropInvalid }: RuleSettings): Rule[] {
  const established = [tracked('RELATED', 'ESTABLISHED')]
  return [
    ...(filterAllow.kind === 'return' ? [rule(established, setMark(marks.accept))] : []),
    rule(established, filterAllow),
    ...(dropInvalid ? [rule([tracked('INVALID')], deny)] : []),
  ]
}

/** A workload may not pretend to be a node by sending tunnelled packets of its own. */
function tunnelRules({ workloadsMaySend, vxlanPort, deny }: RuleSettings): Rule[] {
  const port = { first: vxlanPort, last: vxlanPort }
  return [
    ...(workloadsMaySend.vxlan ? [] : [rule(
      [protocol(IP_PROTOCOL.udp), { kind: 'ports', side: 'destination', ports: [port] }],
      deny, 'VXLAN sent by a workload',
    )]),
    ...(workloadsMaySend.ipip ? [] : [rule([protocol(IP_PROTOCOL.ipip)], deny, 'IP in IP sent by a workload')]),
  ]
}

function tierRules(tier: EndpointTier, direction: PolicyDirection, { marks, deny }: RuleSettings): Rule[] {
  const policies: readonly PolicyId[] = tier[direction]
  if (policies.length === 0) return []
  return [
    rule([], clearMark(marks.pass), `Tier ${tier.name}`),
    ...policies.flatMap((id) => [
      rule([unmarked(marks.pass)], jump(policyChainName(id, direction))),
      rule([marked(marks.accept)], RETURN, 'Allowed by policy'),
    ]),
    ...(tier.defaultAction === 'Pass' ? [] : [rule([unmarked(marks.pass)], deny, `Tier ${tier.name}: not allowed, not passed on`)]),
  ]
}
