/**
 * The chains of workloads: `cali-tw-…` for packets to one, `cali-fw-…` for packets from one. Workloads to which the same
 * policies and profiles apply share them, and dispatch leads each interface to its own two: so a table holds as many rules as
 * there are different lists of policies, not workloads, and a policy that begins to choose a workload changes one rule of
 * the dispatch. The name of a chain follows from what it asks; its content never changes.
 *
 * Whoever jumps here wants to know whether this end allows the packet: returning says yes. The final accept is the
 * caller's, so that for a flow between two local workloads both ends are asked. Without any policy or profile the packet
 * drops. Established flows pass before policy is asked.
 */
import type { Chain, Rule } from '@calico-node/linux'
import type { WorkloadEndpoint } from '../calc/messages.ts'
import { connectionRules, profileRules, tierRules } from './endpoint-parts.ts'
import { type PolicyDirection, workloadChainName } from './names.ts'
import type { RuleSettings } from './settings.ts'
import { clearMark, IP_PROTOCOL, protocol, rule } from './vocabulary.ts'

export type PolicedEndpoint = Pick<WorkloadEndpoint, 'tiers' | 'profiles'>

/** What packets to (ingress) or from (egress) such a workload meet. Equal in both IP versions. */
export const workloadChain = (
  endpoint: PolicedEndpoint,
  direction: PolicyDirection,
  settings: RuleSettings,
): Chain => ({ name: nameOfWorkloadChain(endpoint, direction), rules: endpointRules(endpoint, direction, settings) })

/** Says all that the rules are made of, apart from the settings. */
export function nameOfWorkloadChain({ tiers, profiles }: PolicedEndpoint, direction: PolicyDirection): string {
  const asked = tiers.filter((tier) => tier[direction].length > 0)
  const parts = [asked.map((tier) => [tier.name, tier.defaultAction, ...tier[direction]]), profiles]
  return workloadChainName(JSON.stringify(parts), direction)
}

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
