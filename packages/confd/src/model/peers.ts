import { CalicoError, messageOf } from '@calico-node/core'
import {
  hostCidr,
  ipVersion,
  parseDuration,
  type BGPPeerResource,
  type Cidr,
  type Ip,
  type Ipv4,
} from '@calico-node/model'
import { birdString, birdSymbol, type BirdString, type BirdSymbol } from './bird-text.ts'
import { secretId, type Facts, type Family, type Report, type Surroundings } from './facts.ts'
import { filterCalls, type FilterCalls } from './filters.ts'
import type { BgpNode } from './nodes.ts'
import type { Session } from './sessions.ts'
import { findRestartSeconds, RESTART_RULE, type SecretRef, type Settings } from './settings.ts'

/** One BGP protocol. What is null is left to the template of all peers. */
export type PeerView = {
  readonly name: BirdSymbol
  readonly ip: Ip
  readonly port: number | null
  readonly asNumber: number
  readonly localAs: number
  /** Both ends have the same AS number. */
  readonly internal: boolean
  readonly source: Ip | null
  readonly passive: boolean
  readonly password: BirdString | null
  /** Accept only packets that came this many hops at most. */
  readonly ttlHops: number | null
  readonly restartSeconds: number | null
  readonly keepaliveSeconds: number | null
  readonly allowLocalAs: number | null
  readonly nextHopSelf: boolean
  readonly nextHopKeep: boolean
  /** Set: the peer is a client of this node, a reflector of that cluster. */
  readonly reflectorCluster: Ipv4 | null
  readonly imports: FilterCalls
  readonly exports: FilterCalls
}

export type StaticRouteView = { readonly cidr: Cidr; readonly gateway: Ip }

export interface PeerInput {
  readonly facts: Facts
  readonly surroundings: Surroundings
  readonly settings: Settings
  readonly self: BgpNode
  readonly report: Report
}

const MAX_PASSWORD_BYTES = 80
const MAX_KEEPALIVE_SECONDS = 21_845 // a third of the longest hold time

/**
 * The peers of one family, in order of their names. A session that BIRD would refuse, or that could not be protected as it
 * should be, is left out and reported: it must not keep the others from changing.
 */
export function peerViews(sessions: readonly Session[], family: Family, input: PeerInput): readonly PeerView[] {
  const views: PeerView[] = []
  for (const session of sessions) {
    if (ipVersion(session.ip) !== family) continue
    try {
      views.push(peerView(session, family, input))
    } catch (err) {
      if (!(err instanceof CalicoError)) throw err
      if (session.peer === undefined)
        input.report('BGPConfiguration', 'default', `the mesh is left out: ${messageOf(err)}`)
      else input.report('BGPPeer', session.peer.metadata.name, `is left out: ${messageOf(err)}`)
    }
  }
  return views.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function peerView(session: Session, family: Family, input: PeerInput): PeerView {
  const {
    self,
    settings,
    facts,
    surroundings: { sha256 },
    report,
  } = input
  const { ip, port, asNumber, peer } = session
  const spec = peer?.spec ?? {}
  const localAs = (spec.localASNumber || self.asNumber) ?? settings.globalAs
  const internal = localAs === asNumber
  const own = self.address[family]
  const filters = { facts, sha256, report, peer: peer?.metadata.name ?? '' }
  return {
    name: birdSymbol(symbolText(session)),
    ip,
    port: port ?? null,
    asNumber,
    localAs,
    internal,
    source: spec.sourceAddress === 'None' || session.scope === 'Local_Workload' ? null : (own ?? null),
    passive: isPassive(session, own),
    password: passwordOf(session, settings, facts, report),
    ttlHops: spec.ttlSecurity || null,
    ...timers(session, settings),
    allowLocalAs: Math.max(spec.numAllowedLocalASNumbers ?? 0, 0) || null,
    ...nextHop(peer, internal),
    reflectorCluster:
      internal && session.scope !== 'Mesh' && session.clusterId !== self.clusterId ? (self.clusterId ?? null) : null,
    imports: filterCalls(spec.filters ?? [], 'import', family, filters),
    exports: filterCalls(spec.filters ?? [], 'export', family, filters),
  }
}

const symbolText = ({ scope, ip, port }: Session): string =>
  `${scope}_${ip.replaceAll(/[.:]/g, '_')}${port === undefined || scope === 'Mesh' ? '' : `_port_${port}`}`

/**
 * Of two nodes only the one with the lesser address dials. When both do, BIRD takes the second connection for a neighbour
 * that has restarted and drops the first, and two that dial in step may go on like that for minutes. Addresses compare as
 * plain text, because the other end may be upstream's; that one always dials where its peer is specific to the node. A
 * workload always dials, since it knows when it is ready.
 */
function isPassive({ scope, isNode, node, ip }: Session, own: Ip | undefined): boolean {
  if (scope === 'Local_Workload') return true
  const dialsToo = { Mesh: true, Global: isNode, Node: node !== undefined }[scope]
  return own !== undefined && dialsToo && ip > own
}

/** @throws INVALID for a password that cannot be used; without quoting it */
function passwordOf({ peer }: Session, settings: Settings, { secrets }: Facts, report: Report): BirdString | null {
  const of = peer?.spec.password?.secretKeyRef
  const ref: SecretRef | undefined =
    peer === undefined ? settings.mesh.password : of && { name: of.name ?? '', key: of.key }
  if (ref === undefined) return null
  const password = secrets.get(secretId(ref.name, ref.key))
  if (password === undefined) {
    const [kind, name] =
      peer === undefined ? (['BGPConfiguration', 'default'] as const) : (['BGPPeer', peer.metadata.name] as const)
    report(kind, name, `password ${secretId(ref.name, ref.key)} is not mounted; sessions go without one`)
    return null
  }
  if (new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES || password === '') {
    throw new CalicoError('INVALID', `its password must have 1 to ${MAX_PASSWORD_BYTES} bytes`)
  }
  return birdString(password)
}

/** @throws INVALID for times that BGP cannot express */
function timers(
  { peer }: Session,
  settings: Settings,
): { restartSeconds: number | null; keepaliveSeconds: number | null } {
  const { maxRestartTime, keepaliveTime } = peer?.spec ?? {}
  const restart = maxRestartTime === undefined ? undefined : findRestartSeconds(maxRestartTime)
  if (maxRestartTime !== undefined && restart === undefined) {
    throw new CalicoError('INVALID', `maxRestartTime ${RESTART_RULE}`)
  }
  const keepalive = keepaliveTime === undefined ? undefined : Math.round(parseDuration(keepaliveTime) / 1000)
  if (keepalive !== undefined && (keepalive < 1 || keepalive > MAX_KEEPALIVE_SECONDS)) {
    throw new CalicoError('INVALID', `keepaliveTime must be from 1s to ${MAX_KEEPALIVE_SECONDS}s`)
  }
  return {
    restartSeconds: (peer === undefined ? settings.mesh.restartSeconds : restart) ?? null,
    keepaliveSeconds: keepalive ?? null,
  }
}

/** The old flag only ever applied to peers of another AS; the mode that replaced it applies to all. */
function nextHop(peer: BGPPeerResource | undefined, internal: boolean): { nextHopSelf: boolean; nextHopKeep: boolean } {
  const { nextHopMode, keepOriginalNextHop } = peer?.spec ?? {}
  const kept = nextHopMode === undefined ? keepOriginalNextHop === true && !internal : nextHopMode === 'Keep'
  return { nextHopSelf: nextHopMode === 'Self', nextHopKeep: kept }
}

/** Host routes to peers that are only reachable by a gateway. */
export function staticRoutes(sessions: readonly Session[], family: Family): readonly StaticRouteView[] {
  const routes = new Map<Cidr, Ip>()
  for (const { ip, peer } of sessions) {
    const gateway = peer?.spec.reachableBy
    if (gateway === undefined || ipVersion(ip) !== family || ipVersion(gateway) !== family) continue
    const cidr = hostCidr(ip)
    if (!routes.has(cidr)) routes.set(cidr, gateway)
  }
  return [...routes].map(([cidr, gateway]) => ({ cidr, gateway }))
}
