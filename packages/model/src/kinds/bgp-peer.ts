import { ipVersion } from '../address/cidr.ts'
import {
  asNumber,
  duration,
  flag,
  integer,
  ip,
  list,
  name,
  nodeName,
  object,
  oneOf,
  opt,
  parsed,
  selector,
} from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import { findPeerIp, parsePeerIp, PEER_IP_RULE } from '../text/peer-ip.ts'
import { secret } from './bgp-configuration.ts'
import type { Checked, KindDefinition } from './definition.ts'

const anySelector = () => selector({ allowGlobal: true })

export const bgpPeerSpec = object({
  node: opt(nodeName(), 'The one node that has this peer.'),
  nodeSelector: opt(anySelector(), 'Nodes that have this peer. Neither this nor node: all of them.'),
  peerIP: opt(parsed('IP address or IP address:port', PEER_IP_RULE, findPeerIp), 'Address of the peer.'),
  asNumber: opt(asNumber(), 'AS number of the peer.', { omitZero: true }),
  localASNumber: opt(asNumber(), 'AS number that the node uses towards the peer.'),
  peerSelector: opt(anySelector(), 'The peers are the nodes that it selects.'),
  keepOriginalNextHop: opt(flag(), 'Old form of nextHopMode Keep, for peers of another AS.'),
  password: opt(secret(), 'Password of the session; a Kubernetes secret.'),
  sourceAddress: opt(oneOf('UseNodeIP', 'None'), 'Address that the session comes from.', { fallback: 'UseNodeIP' }),
  maxRestartTime: opt(duration(), 'How long the peer keeps our routes while we restart.', {
    fallback: '120s, by BIRD',
  }),
  keepaliveTime: opt(duration(), 'Time between keepalives.'),
  numAllowedLocalASNumbers: opt(integer(-0x8000_0000, 0x7fff_ffff), 'How often our own AS may occur in a path.'),
  ttlSecurity: opt(integer(0, 255), 'Hops to the peer; packets from further away are ignored.'),
  reachableBy: opt(ip(), 'Gateway of a static route to the peer.'),
  filters: opt(list(name()), 'BGPFilters, in order.'),
  nextHopMode: opt(oneOf('Auto', 'Self', 'Keep'), 'Next hop of the routes that the peer gets.'),
  reversePeering: opt(oneOf('Auto', 'Manual'), 'Whether selected nodes get the session back by themselves.', {
    fallback: 'Auto',
  }),
  localWorkloadSelector: opt(anySelector(), 'The peers are the workloads on the node that it selects.'),
})

export type BGPPeerSpec = Output<typeof bgpPeerSpec>

export const bgpPeer: KindDefinition<typeof bgpPeerSpec, BGPPeerSpec> = {
  plural: 'bgppeers',
  namespaced: false,
  aliases: ['bgpp', 'bgpps', 'bp', 'bps'],
  summary: 'A BGP neighbour of one, some or all nodes.',
  spec: bgpPeerSpec,
  check: peerProblems,
}

function* peerProblems({ spec }: Checked<BGPPeerSpec>): Iterable<Problem> {
  if (spec.node !== undefined && spec.nodeSelector !== undefined) {
    yield { field: 'spec.node', value: spec.node, reason: 'cannot go together with nodeSelector' }
  }
  const remotes = (['peerIP', 'peerSelector', 'localWorkloadSelector'] as const).filter(
    (key) => spec[key] !== undefined,
  )
  for (const key of remotes.slice(1)) {
    yield { field: `spec.${key}`, value: spec[key], reason: `cannot go together with ${remotes[0]}` }
  }
  const as = spec.asNumber ?? 0
  if (spec.peerSelector !== undefined && as !== 0) {
    yield { field: 'spec.asNumber', value: as, reason: 'cannot go together with peerSelector: it comes from the nodes' }
  }
  if (spec.localWorkloadSelector !== undefined && as === 0) {
    yield { field: 'spec.asNumber', value: spec.asNumber, reason: 'is required with localWorkloadSelector' }
  }
  if (spec.keepOriginalNextHop === true && spec.nextHopMode !== undefined) {
    yield { field: 'spec.keepOriginalNextHop', value: true, reason: 'cannot go together with nextHopMode' }
  }
  yield* gatewayProblems(spec)
}

function* gatewayProblems({ reachableBy, peerIP }: BGPPeerSpec): Iterable<Problem> {
  if (reachableBy === undefined) return
  if (peerIP === undefined) {
    yield { field: 'spec.reachableBy', value: reachableBy, reason: 'needs peerIP' }
    return
  }
  const version = ipVersion(parsePeerIp(peerIP).ip)
  if (ipVersion(reachableBy) !== version) {
    yield { field: 'spec.reachableBy', value: reachableBy, reason: `must be IPv${version} as peerIP` }
  }
}
