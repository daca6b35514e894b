/** A CalicoNodeStatus from what BIRD says. Pure. Form: upstream's v3 API, CalicoNodeStatusStatus. */
import type { BirdProtocolDetail, BirdRoute, BirdStatus } from '@calico-node/birdc'
import type { CalicoNodeStatusSpec, CalicoNodeStatusStatus } from '@calico-node/model'

/** One BIRD; everything is absent when it does not answer. */
export interface BirdView {
  readonly status?: BirdStatus
  readonly protocols?: readonly BirdProtocolDetail[]
  readonly routes?: readonly BirdRoute[]
}
export type Views = Readonly<Record<4 | 6, BirdView>>

type Report = CalicoNodeStatusStatus
type Agent = NonNullable<NonNullable<Report['agent']>['birdV4']>
type Peer = NonNullable<NonNullable<Report['bgp']>['peersV4']>[number]
type RouteReport = NonNullable<NonNullable<Report['routes']>['routesV4']>[number]

/** A value of etcd has its limit, about 1.5 MB; a route takes some 150 bytes. */
export const MAX_ROUTES = 4000

const PEER_TYPES: Readonly<Record<string, string>> = { Mesh: 'NodeMesh', Node: 'NodePeer', Global: 'GlobalPeer' }
const PEER_NAME = /^(Mesh|Node|Global)_(.+?)(?:_port_\d+)?$/

function agentOf({ status }: BirdView): Agent {
  if (status === undefined) return { state: 'NotReady' }
  const { version, routerId, lastReboot, lastReconfiguration, gracefulRestart } = status
  return {
    state: gracefulRestart ? 'NotReady' : 'Ready',
    version,
    routerID: routerId,
    lastBootTime: lastReboot,
    lastReconfigurationTime: lastReconfiguration,
  }
}

/** Kind and address of the peer that a protocol's name holds. */
function peerOf(name: string, version: 4 | 6): { kind: string; address: string } | undefined {
  const [, kind, address] = PEER_NAME.exec(name) ?? []
  if (kind === undefined || address === undefined) return undefined
  return { kind, address: address.replaceAll('_', version === 4 ? '.' : ':') }
}

const peersOf = ({ protocols = [] }: BirdView, version: 4 | 6): Peer[] =>
  protocols.flatMap(({ name, proto, since, bgp, info, state }) => {
    const peer = peerOf(name, version)
    if (proto !== 'BGP' || peer === undefined) return []
    const type = PEER_TYPES[peer.kind] ?? ''
    return [{ peerIP: peer.address, type, state: bgp?.state ?? (info.split(' ')[0] || state), since }]
  })

function sourceOf(from: string, version: 4 | 6): NonNullable<RouteReport['learnedFrom']> {
  const peer = peerOf(from, version)
  if (peer !== undefined) return { sourceType: peer.kind === 'Mesh' ? 'NodeMesh' : 'BGPPeer', peerIP: peer.address }
  const word = from.replace(/\d+$/, '')
  return { sourceType: `${word.slice(0, 1).toUpperCase()}${word.slice(1)}` }
}

const routesOf = ({ routes = [] }: BirdView, version: 4 | 6): RouteReport[] =>
  routes.slice(0, MAX_ROUTES).map(({ prefix, target, primary, from }) => {
    const gateway = /\bvia (\S+)/.exec(target)?.[1]
    const device = /\b(?:on|dev) (\S+)/.exec(target)?.[1]
    return {
      type: primary ? 'FIB' : 'RIB',
      destination: prefix,
      ...(gateway !== undefined && { gateway }),
      ...(device !== undefined && { interface: device }),
      learnedFrom: sourceOf(from, version),
    }
  })

function bgpOf(views: Views): NonNullable<Report['bgp']> {
  const [peersV4, peersV6] = [peersOf(views[4], 4), peersOf(views[6], 6)]
  const up = (peers: readonly Peer[]): number => peers.filter(({ state }) => state === 'Established').length
  return {
    numberEstablishedV4: up(peersV4),
    numberNotEstablishedV4: peersV4.length - up(peersV4),
    numberEstablishedV6: up(peersV6),
    numberNotEstablishedV6: peersV6.length - up(peersV6),
    peersV4,
    peersV6,
  }
}

/** The classes that were asked for; all of them when none is named. */
export function nodeStatus(views: Views, classes: CalicoNodeStatusSpec['classes'], now: Date): Report {
  const wants = (name: 'Agent' | 'BGP' | 'Routes'): boolean =>
    classes === undefined || classes.length === 0 || classes.includes(name)
  return {
    lastUpdated: `${now.toISOString().slice(0, 19)}Z`,
    ...(wants('Agent') && { agent: { birdV4: agentOf(views[4]), birdV6: agentOf(views[6]) } }),
    ...(wants('BGP') && { bgp: bgpOf(views) }),
    ...(wants('Routes') && { routes: { routesV4: routesOf(views[4], 4), routesV6: routesOf(views[6], 6) } }),
  }
}
