import { ipVersion } from '../address/cidr.ts'
import { asNumber, doc, integer, interfacePattern, list, masked, object, oneOf, opt, parsed } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import { COMMUNITY_RULE, findCommunity } from './bgp-configuration.ts'
import type { Checked, KindDefinition } from './definition.ts'

const community = () => parsed('community', COMMUNITY_RULE, findCommunity)

const filterRule = (version: 4 | 6) =>
  object({
    cidr: opt(masked(), 'Network that the route is compared with.', { rule: `IPv${version} CIDR, host bits zero` }),
    prefixLength: opt(
      object({
        min: opt(integer(0, version === 4 ? 32 : 128), 'Shortest.'),
        max: opt(integer(0, version === 4 ? 32 : 128), 'Longest.'),
      }),
      'Lengths of the prefix that match.',
      { rule: 'needs cidr' },
    ),
    source: opt(oneOf('RemotePeers'), 'Only routes learned from peers.'),
    interface: opt(interfacePattern(), 'Only routes that leave by this interface.'),
    matchOperator: opt(oneOf('Equal', 'NotEqual', 'In', 'NotIn'), 'How cidr is compared.', {
      rule: 'exactly with cidr',
    }),
    peerType: opt(oneOf('eBGP', 'iBGP'), 'Only sessions of this type.'),
    communities: opt(
      object({ values: opt(list(community()), 'All of these.') }),
      'Only routes with these communities.',
    ),
    asPathPrefix: opt(list(asNumber()), 'Only routes whose AS path begins so.'),
    priority: opt(integer(0, 0x7fff_ffff), 'Only routes of this priority.'),
    operations: opt(
      list(
        object({
          addCommunity: opt(object({ value: doc(community(), 'The community.') }), 'Add a community.'),
          prependASPath: opt(
            object({ prefix: doc(list(asNumber()), 'AS numbers, in order.') }),
            'Prepend to the AS path.',
          ),
          setPriority: opt(object({ value: doc(integer(0, 0x7fff_ffff), 'The priority.') }), 'Set the priority.'),
        }),
      ),
      'Changes to accepted routes.',
    ),
    action: doc(oneOf('Accept', 'Reject'), 'What happens to a route that matches.'),
  })

export const bgpFilterSpec = object({
  exportV4: opt(list(filterRule(4)), 'IPv4 routes that a peer gets; the first rule that matches decides.'),
  importV4: opt(list(filterRule(4)), 'IPv4 routes that a peer sends.'),
  exportV6: opt(list(filterRule(6)), 'IPv6 routes that a peer gets.'),
  importV6: opt(list(filterRule(6)), 'IPv6 routes that a peer sends.'),
})

export type BGPFilterSpec = Output<typeof bgpFilterSpec>

export const bgpFilter: KindDefinition<typeof bgpFilterSpec, BGPFilterSpec> = {
  plural: 'bgpfilters',
  namespaced: false,
  aliases: ['bgpf', 'bgpfs', 'bf', 'bfs'],
  summary: 'Which routes are exchanged with the peers that name it.',
  spec: bgpFilterSpec,
  check: filterProblems,
}

function* filterProblems({ spec }: Checked<BGPFilterSpec>): Iterable<Problem> {
  for (const key of ['exportV4', 'importV4', 'exportV6', 'importV6'] as const) {
    const version = key.endsWith('V4') ? 4 : 6
    for (const [at, rule] of (spec[key] ?? []).entries()) {
      const path = `spec.${key}[${at}]`
      const { cidr, matchOperator, prefixLength } = rule
      if (cidr !== undefined && ipVersion(cidr) !== version) {
        yield { field: `${path}.cidr`, value: cidr, reason: `must be IPv${version}` }
      }
      if ((cidr === undefined) !== (matchOperator === undefined)) {
        const missing = cidr === undefined ? 'cidr' : 'matchOperator'
        yield {
          field: `${path}.${missing}`,
          value: undefined,
          reason: 'is required: cidr and matchOperator go together',
        }
      }
      if (prefixLength !== undefined && cidr === undefined) {
        yield { field: `${path}.prefixLength`, value: prefixLength, reason: 'needs cidr' }
      }
      const { min = 0, max = 128 } = prefixLength ?? {}
      if (min > max) yield { field: `${path}.prefixLength.min`, value: min, reason: `must not be above max, ${max}` }
    }
  }
}
