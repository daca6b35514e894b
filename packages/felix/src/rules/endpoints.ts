/**
 * The two chains of a workload: `cali-tw-IF` for packets to it, `cali-fw-IF` for packets from it.
 *
 * Whoever jumps here wants to know whether this end allows the packet: returning says yes. The final accept is the
 * caller's, so that for a flow between two local workloads both ends are asked. Without any policy or profile the packet
 * drops. Established flows pass before policy is asked.
 */
import type { Chain, Rule } from '@calico-node/linux'
import type { WorkloadEndpoint } from '../calc/messages.ts'
import { connectionRules, profileRules, tierRules } from './endpoint-parts.ts'
import { fromWorkloadChainName, type PolicyDirection, toWorkloadChainName } from './names.ts'
import type { RuleSettings } from './settings.ts'
import { clearMark, IP_PROTOCOL, protocol, rule } from './vocabulary.ts'

export type PolicedEndpoint = Pick<WorkloadEndpoint, 'interfaceName' | 'tiers' | 'profiles'>

/** Equal in both IP versions. */
export function workloadChains(endpoint: PolicedEndpoint, settings: RuleSettings): Chain[] {
  const name = endpoint.interfaceName
  return [
    { name: toWorkloadChainName(name), rules: endpointRules(endpoint, 'ingress', settings) },
    { name: fromWorkloadChainName(name), rules: endpointRules(endpoint, 'egress', settings) },
  ]
}

export const workloadChainNames = (interfaceName: string): string[] => [
  toWorkloadChainName(interfaceName),
  fromWorkloadChainName(interfaceName),
]

function endpointRules(endpoint: PolicedEndpoint, direction: PolicyDirection, settings: RuleSettings): Rule[] {
  const { marks, deny, filterAllow: allow, dropInvalid } = settings
  const style = { marks, allow, deny, dropInvalid }
  return [
    ...connectionRules(style),
    rule([], clearMark(marks.accept, marks.pass)),
    ...(direction === 'egress' ? tunnelRules(settings) : []),
    ...tierRules(endpoint.tiers, direction, style),
    ...profileRules(endpoint.profiles, direction, style),
    rule([], deny, 'Neither policy nor profile allows it'),
  ]
}

/** A workload may not pretend to be a node by sending tunnelled packets of its own. */
function tunnelRules({ workloadsMaySend, vxlanPort, deny }: RuleSettings): Rule[] {
  const port = { first: vxlanPort, last: vxlanPort }
  return [
    ...(workloadsMaySend.vxlan
      ? []
      : [
          rule(
            [protocol(IP_PROTOCOL.udp), { kind: 'ports', side: 'destination', ports: [port] }],
            deny,
            'VXLAN sent by a workload',
          ),
        ]),
    ...(workloadsMaySend.ipip ? [] : [rule([protocol(IP_PROTOCOL.ipip)], deny, 'IP in IP sent by a workload')]),
  ]
}
