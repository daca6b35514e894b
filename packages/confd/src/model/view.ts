/**
 * From the facts to what the templates print, for one BIRD daemon. Pure: the same facts give the same view, whatever path
 * led to them. Both families go through the same code, so neither can do what the other cannot.
 */
import { cidrSize, compareCidrs, findCidr, ipVersion, type Cidr, type Ip, type Ipv4 } from '@calico-node/model'
import { birdString, findBirdCommunity, type BirdCommunity, type BirdString } from './bird-text.ts'
import { byName, type Facts, type Family, type Problem, type Report, type Surroundings } from './facts.ts'
import { filterViews, MAX_PREFERENCE, type FilterView } from './filters.ts'
import { bgpNodes } from './nodes.ts'
import { peerViews, staticRoutes, type PeerInput, type PeerView, type StaticRouteView } from './peers.ts'
import { routerIdOf } from './router-id.ts'
import { sessionsOf, type Session } from './sessions.ts'
import { settingsOf, type Settings } from './settings.ts'

/** All that the templates of one daemon see. */
export type BirdView = {
  readonly isIpv6: boolean
  readonly routerId: Ipv4
  readonly restartWaitSeconds: number
  /** Null: BIRD listens as it does by default. */
  readonly listen: { readonly address: Ip | null; readonly port: number | null } | null
  readonly debugAll: boolean
  readonly debugStates: boolean
  readonly ignoredInterfaces: readonly BirdString[]
  readonly localAs: number
  /** Null: the node has no address of this family, and no peers. */
  readonly address: Ip | null
  readonly filters: readonly FilterView[]
  readonly peers: readonly PeerView[]
  readonly normalPriority: number
  /** Local preference and kernel metric add up to this. */
  readonly maxPreference: number
  readonly services: {
    readonly announced: readonly Cidr[]
    readonly all: readonly Cidr[]
    readonly reflected: readonly Cidr[]
  }
  readonly pools: readonly PoolView[]
  readonly blocks: readonly BlockView[]
  readonly staticRoutes: readonly StaticRouteView[]
  /** Whether the static protocol has anything to do. */
  readonly hasStatics: boolean
  readonly advertisements: readonly AdvertisementView[]
}

export type PoolView = {
  readonly cidr: Cidr
  /** Felix programs the routes of the pool, and BIRD keeps its hands off. */
  readonly felixRoutes: boolean
  readonly exported: boolean
}

export type BlockView = {
  readonly cidr: Cidr
  /** More than one address: announced as a whole, and what no workload has is unreachable. */
  readonly aggregated: boolean
}

export type AdvertisementView = {
  readonly cidr: Cidr
  readonly communities: readonly BirdCommunity[]
  readonly largeCommunities: readonly BirdCommunity[]
}

export type Built =
  | {
      readonly kind: 'ready'
      readonly view: BirdView
      readonly problems: readonly Problem[]
      readonly logSeverity: string
    }
  /** Why nothing may be rendered yet. */
  | { readonly kind: 'not-ready'; readonly reason: string }

const notReady = (reason: string): Built => ({ kind: 'not-ready', reason })

/** What is not known is not the same as empty: until it is known, the configuration stays as it is. */
export function buildView(family: Family, facts: Facts, surroundings: Surroundings): Built {
  const { node } = surroundings
  const nodes = bgpNodes(facts)
  const self = nodes.get(node)
  if (self === undefined) return notReady(`node "${node}" is not in the datastore`)
  if (self.address[4] === undefined && self.address[6] === undefined)
    return notReady(`node "${node}" has no BGP address yet`)
  const broken = ['default', `node.${node}`].find((name) => facts.brokenConfigurations.has(name))
  if (broken !== undefined) return notReady(`BGPConfiguration "${broken}" cannot be read, and may hold the AS number`)
  const problems = new Map<string, Problem>()
  const report: Report = (kind, name, reason) => problems.set(`${kind} ${name} ${reason}`, { kind, name, reason })
  const settings = settingsOf(facts, surroundings, report)
  const sessions = sessionsOf({ facts, settings, nodes, self, report })
  const view = familyView(family, { facts, surroundings, settings, self, sessions, report })
  return { kind: 'ready', view, problems: [...problems.values()], logSeverity: settings.logSeverity }
}

interface ViewInput extends PeerInput {
  readonly sessions: readonly Session[]
}

function familyView(family: Family, input: ViewInput): BirdView {
  const { facts, surroundings, settings, self, sessions, report } = input
  const address = self.address[family] ?? null
  const ofFamily = (cidrs: readonly Cidr[]): readonly Cidr[] =>
    cidrs.filter((cidr) => ipVersion(cidr) === family).toSorted(compareCidrs)
  const blocks = ofFamily([...facts.blocks]).map((cidr) => ({ cidr, aggregated: cidrSize(cidr) > 1n }))
  const { announced, all, reflected } = settings.services
  const services = {
    announced: ofFamily(announced),
    all: ofFamily(all),
    reflected: self.clusterId === undefined ? [] : ofFamily(reflected),
  }
  const routes = staticRoutes(sessions, family)
  return {
    isIpv6: family === 6,
    routerId: routerIdOf(surroundings, self.address[4]),
    restartWaitSeconds: surroundings.restartWaitSeconds,
    listen: listenView(settings, address),
    ...debugView(settings.logSeverity),
    ignoredInterfaces: settings.ignoredInterfaces.map(birdString),
    localAs: self.asNumber ?? settings.globalAs,
    address,
    filters: filterViews(facts, family, surroundings.sha256),
    peers: address === null ? [] : peerViews(sessions, family, input),
    normalPriority: settings.normalPriority[family],
    maxPreference: MAX_PREFERENCE,
    services,
    pools: poolViews(facts, family, settings),
    blocks,
    staticRoutes: routes,
    hasStatics: blocks.some(({ aggregated }) => aggregated) || services.announced.length > 0 || routes.length > 0,
    advertisements: advertisementViews(settings, family, report),
  }
}

function listenView({ listenPort, bindNodeIp }: Settings, own: Ip | null): BirdView['listen'] {
  const [address, port] = [bindNodeIp ? own : null, listenPort ?? null]
  return address === null && port === null ? null : { address, port }
}

/** BIRD writes each change of state at the default severity, everything at Debug and nothing above Info. */
function debugView(severity: string): { debugAll: boolean; debugStates: boolean } {
  return { debugAll: severity === 'Debug', debugStates: severity === 'Info' }
}

/** Routes of encapsulated pools are Felix's: stock BIRD cannot program them. One pool a network, the first name's. */
function poolViews(facts: Facts, family: Family, settings: Settings): readonly PoolView[] {
  const pools = new Map<Cidr, PoolView>()
  for (const [, { spec }] of byName(facts.pools)) {
    if (ipVersion(spec.cidr) !== family || pools.has(spec.cidr)) continue
    const encapsulated = spec.ipipMode !== 'Never' || spec.vxlanMode !== 'Never'
    const felixRoutes = (encapsulated && !facts.handedOver.has(spec.cidr)) || !settings.programsRoutes
    pools.set(spec.cidr, { cidr: spec.cidr, felixRoutes, exported: spec.disableBGPExport !== true })
  }
  return [...pools.values()].toSorted((a, b) => compareCidrs(a.cidr, b.cidr))
}

/** Names stand for the communities that the BGPConfiguration gives them. */
function advertisementViews(
  { communities, advertisements }: Settings,
  family: Family,
  report: Report,
): readonly AdvertisementView[] {
  const valueOf = (text: string): string => communities.find(({ name }) => name === text)?.value ?? text
  return advertisements.flatMap(({ cidr: text, communities: wanted = [] }) => {
    const cidr = findCidr(text ?? '')
    if (cidr === undefined || ipVersion(cidr) !== family) return []
    const values = [...new Set(wanted.map(valueOf))].toSorted()
    const unknown = values.filter((value) => findBirdCommunity(value) === undefined)
    for (const value of unknown)
      report('BGPConfiguration', 'default', `has no community "${value}"; it is not added to ${cidr}`)
    const known = (parts: number): BirdCommunity[] =>
      values.filter((value) => value.split(':').length === parts).flatMap((value) => findBirdCommunity(value) ?? [])
    const [standard, large] = [known(2), known(3)]
    return standard.length + large.length === 0 ? [] : [{ cidr, communities: standard, largeCommunities: large }]
  })
}
