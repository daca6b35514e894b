import { anyInteger, doc, integer, list, nodeName, object, oneOf, opt, text } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'

const DAY_SECONDS = 86_400

export const calicoNodeStatusSpec = object({
  node: doc(nodeName(), 'Node that reports.'),
  classes: opt(list(oneOf('Agent', 'BGP', 'Routes')), 'What it reports.', { rule: 'no repeats' }),
  updatePeriodSeconds: opt(integer(0, DAY_SECONDS), 'Time between reports; 0 = none.'),
})

/** Reports are read as they come: whatever words a newer node uses. */
const bird = (version: 4 | 6) =>
  opt(
    object({
      state: opt(text(), 'Whether BIRD serves.', { rule: 'Ready, NotReady' }),
      version: opt(text(), 'Version of BIRD.'),
      routerID: opt(text(), 'Router ID.'),
      lastBootTime: opt(text(), 'When BIRD started.'),
      lastReconfigurationTime: opt(text(), 'When BIRD read its configuration.'),
    }),
    `BIRD for IPv${version}.`,
  )

const peers = (version: 4 | 6) =>
  opt(
    list(
      object({
        peerIP: opt(text(), 'Address of the peer.'),
        type: opt(text(), 'Where the session comes from.', { rule: 'NodeMesh, NodePeer, GlobalPeer' }),
        state: opt(text(), 'State of the session.', {
          rule: 'Idle, Connect, Active, OpenSent, OpenConfirm, Established, Close',
        }),
        since: opt(text(), 'Since when.'),
      }),
    ),
    `IPv${version} sessions.`,
  )

const routes = (version: 4 | 6) =>
  opt(
    list(
      object({
        type: opt(text(), 'FIB: the route is in the kernel.', { rule: 'FIB, RIB' }),
        destination: opt(text(), 'Network.'),
        gateway: opt(text(), 'Next hop.'),
        interface: opt(text(), 'Interface.'),
        learnedFrom: opt(
          object({
            sourceType: opt(text(), 'Kind of source.', { rule: 'Kernel, Static, Direct, NodeMesh, BGPPeer' }),
            peerIP: opt(text(), 'Peer that sent it.'),
          }),
          'Where the route comes from.',
        ),
      }),
    ),
    `IPv${version} routes.`,
  )

export const calicoNodeStatusStatus = object({
  lastUpdated: opt(text(), 'Time of the report.'),
  agent: opt(object({ birdV4: bird(4), birdV6: bird(6) }), 'The BIRD processes.'),
  bgp: opt(
    object({
      numberEstablishedV4: opt(anyInteger(), 'IPv4 sessions that are up.'),
      numberNotEstablishedV4: opt(anyInteger(), 'IPv4 sessions that are not.'),
      numberEstablishedV6: opt(anyInteger(), 'IPv6 sessions that are up.'),
      numberNotEstablishedV6: opt(anyInteger(), 'IPv6 sessions that are not.'),
      peersV4: peers(4),
      peersV6: peers(6),
    }),
    'The BGP sessions.',
  ),
  routes: opt(object({ routesV4: routes(4), routesV6: routes(6) }), 'The routes.'),
})

export type CalicoNodeStatusSpec = Output<typeof calicoNodeStatusSpec>
export type CalicoNodeStatusStatus = Output<typeof calicoNodeStatusStatus>

export const calicoNodeStatus: KindDefinition<typeof calicoNodeStatusSpec, CalicoNodeStatusSpec> = {
  plural: 'caliconodestatuses',
  namespaced: false,
  aliases: ['nodestatus', 'nodestatuses'],
  summary: 'A request to a node to report its state, and the report.',
  spec: calicoNodeStatusSpec,
  status: calicoNodeStatusStatus,
  statusAlways: true,
  checkWrite: classProblems,
}

function* classProblems({ spec }: Checked<CalicoNodeStatusSpec>): Iterable<Problem> {
  const classes = spec.classes ?? []
  if (new Set(classes).size < classes.length) {
    yield { field: 'spec.classes', value: classes, reason: 'must not name a class twice' }
  }
}
