/**
 * The calculation graph: from the facts of the whole cluster to what must be true on this host.
 *
 * Pure and synchronous: facts go in, messages come out at a flush. Law: what has been sent in total follows from the
 * facts as they stand, never from the path that led there. Each part keeps only what its own answer needs, and a change
 * of one endpoint costs what that endpoint touches, not what the cluster holds.
 */
import type { Cidr, NodeName } from '@calico-node/model'
import type { FelixConfig } from '../config/params.ts'
import { ActiveRules } from './active-rules.ts'
import { Dispatcher } from './dispatcher.ts'
import type { RouteOptions } from './encapsulation.ts'
import type { ClusterBgpInput, Input, InputKind, NodeInput, PoolInput } from './inputs.ts'
import { IpSetMembers } from './ipset-members.ts'
import type { LabelCounts } from './label-index.ts'
import type { CalcMessage } from './messages.ts'
import { Misplaced } from './misplaced.ts'
import { networkNotices, type Notices } from './network-notices.ts'
import { PolicyResolver } from './policy-resolver.ts'
import { RouteResolver } from './route-resolver.ts'
import { RuleScanner } from './rule-scanner.ts'
import { Sequencer } from './sequencer.ts'
import { WorkloadPeers } from './workload-peers.ts'

/** What others build on comes first: it saves working them out twice, and changes nothing else. */
const RANK: Record<InputKind, number> = {
  tier: 0,
  profile: 1,
  endpoint: 2,
  'network-set': 2,
  policy: 3,
  pool: 4,
  node: 5,
  block: 6,
  'cluster-bgp': 6,
  'workload-peer': 6,
}

export interface GraphCounts {
  readonly localEndpoints: number
  readonly activePolicies: number
  readonly activeSets: number
  /** Of the index that says which endpoints and sets a selector matches, and of the one for policies. */
  readonly labels: LabelCounts
  readonly cluster: Readonly<Record<'nodes' | 'workloads' | 'hosts' | 'policies' | 'profiles' | 'tiers', number>>
}

export class CalcGraph {
  readonly #node: NodeName
  readonly #dispatcher = new Dispatcher()
  readonly #members: IpSetMembers
  readonly #scanner: RuleScanner
  readonly #resolver: PolicyResolver
  readonly #activeRules: ActiveRules
  readonly #routes: RouteResolver
  readonly #sequencer: Sequencer
  readonly #peers: WorkloadPeers
  readonly #misplaced: Misplaced
  /** Host endpoints among all endpoints. */
  #hosts = 0
  #noticed: Notices = new Map()
  #bgp: ClusterBgpInput | undefined
  #bgpChanged = false

  /**
   * Wires the parts together:
   *
   *                               facts
   *                                 |
   *                            Dispatcher -- nodes, pools, blocks --> RouteResolver ---+
   *            ____________________/|\_____________________                            |
   *           |                     |                      |                           |
   *     all endpoints,       local endpoints,            tiers,                        |
   *     network sets,        policies,                   local endpoints               |
   *     profile labels       profiles                      |                           |
   *           |                     |                      |                           |
   *           |               ActiveRules --- matches ----\|                           |
   *           |                     |   \--- active policies --> PolicyResolver        |
   *           |               active policies                        |                 |
   *           |               and profiles                 endpoints with their        |
   *           |                     |                      ordered tiers               |
   *           |                RuleScanner --- rules -------\    |                     |
   *           |                     |                        \   |                     |
   *           |                 active sets                   \  |                     |
   *           |                     |                          \ |                     |
   *           +--> IpSetMembers <---+                           \|                     |
   *                     |                                        |                     |
   *                     +--------------- sets, members ----> Sequencer <---------------+
   *                                                              |
   *                                                      messages, in order
   *
   * Host endpoints ride with the workloads. WorkloadPeers tells PolicyResolver which of them BGP speaks with. Notices come
   * from RouteResolver, PolicyResolver and Misplaced, which looks at all endpoints, nodes and pools.
   */
  constructor(node: NodeName) {
    this.#node = node
    this.#misplaced = new Misplaced(node)
    this.#sequencer = new Sequencer((id) => this.#members.membersOf(id))
    const { sets, policies, profiles, routes, tunnels, tunnelEnds, notices } = this.#sequencer

    this.#members = new IpSetMembers({
      memberAdded: (id, member) => sets.addMember(id, member),
      memberRemoved: (id, member) => sets.removeMember(id, member),
    })
    this.#scanner = new RuleScanner({
      setActive: (spec) => {
        sets.add(spec)
        this.#members.addSet(spec)
      },
      setInactive: (id) => {
        this.#members.removeSet(id)
        sets.remove(id)
      },
    })
    this.#resolver = new PolicyResolver(
      (tier, reason) => notices.set(`tier ${tier}`, reason),
      (endpoint) => this.#peers.peerOf(endpoint),
    )
    this.#peers = new WorkloadPeers((endpoint) => this.#resolver.touch(endpoint))
    this.#activeRules = new ActiveRules({
      policyActive: (policy) => {
        policies.set(policy.id, this.#scanner.update(`policy ${policy.id}`, policy.rules))
        this.#resolver.setPolicy(policy)
      },
      policyInactive: (id) => {
        policies.set(id, undefined)
        this.#scanner.remove(`policy ${id}`)
        this.#resolver.removePolicy(id)
      },
      profileActive: (id, rules) => profiles.set(id, this.#scanner.update(`profile ${id}`, rules)),
      profileInactive: (id) => {
        profiles.set(id, undefined)
        this.#scanner.remove(`profile ${id}`)
      },
      matchStarted: (policy, endpoint) => this.#resolver.startMatch(policy, endpoint),
      matchStopped: (policy, endpoint) => this.#resolver.stopMatch(policy, endpoint),
    })
    this.#routes = new RouteResolver(node, {
      route: (dst, target) => routes.set(dst, target),
      tunnel: (kind, tunnel) => tunnels.set(kind, tunnel),
      tunnelEnd: (key, end) => tunnelEnds.set(key, end),
    })
    this.#subscribe()
  }

  #subscribe(): void {
    const { nodeIps, pools, serviceNetworks } = this.#sequencer
    this.#dispatcher.on('endpoint', ({ key, before, after }) => {
      this.#hosts += Number(after?.type === 'host') - Number(before?.type === 'host')
      this.#members.setSource(key, after)
      this.#misplaced.setEndpoint(key, before, after)
      const local = after?.node === this.#node ? after : undefined
      if (local === undefined && before?.node !== this.#node) return // the business of another host
      this.#resolver.setEndpoint(key, local)
      this.#activeRules.setEndpoint(key, local)
      this.#peers.setEndpoint(key, local?.type === 'workload' ? local : undefined)
    })
    this.#dispatcher.onIdentity('workload-peer', nameOf, (name, peer) => this.#peers.setPeer(name, peer))
    this.#dispatcher.on('network-set', ({ key, after }) => this.#members.setSource(key, after))
    this.#dispatcher.onIdentity('profile', idOf, (id, profile) => {
      this.#members.setProfileLabels(id, profile?.labels)
      this.#peers.setProfileLabels(id, profile?.labels)
      this.#activeRules.setProfile(id, profile)
    })
    this.#dispatcher.onIdentity('policy', idOf, (id, policy) => this.#activeRules.setPolicy(id, policy))
    this.#dispatcher.onIdentity('tier', nameOf, (name, tier) => this.#resolver.setTier(name, tier))
    this.#dispatcher.onIdentity('node', nodeNameOf, (name, node) => {
      nodeIps.set(name, node?.ips)
      this.#routes.setNode(name, node)
      this.#misplaced.nodesChanged()
    })
    this.#dispatcher.onIdentity('pool', cidrOf, (cidr) => {
      const pool = this.#poolOf(cidr)
      pools.set(cidr, pool)
      this.#routes.setPool(cidr, pool)
      this.#misplaced.poolsChanged()
    })
    this.#dispatcher.on('block', ({ before, after }) => this.#routes.setBlock(before, after))
    this.#dispatcher.on('cluster-bgp', ({ after }) => {
      this.#bgp = after
      this.#bgpChanged = true
      serviceNetworks.set('networks', after?.serviceNetworks ?? [])
    })
  }

  /** Of several pools with one CIDR the one with the lowest name counts; the others wait. */
  #poolOf(cidr: Cidr): PoolInput | undefined {
    const rivals = [...this.#dispatcher.facts('pool').values()].filter((pool) => pool.cidr === cidr)
    return rivals.toSorted((a, b) => (a.name < b.name ? -1 : 1))[0]
  }

  setConfig(config: FelixConfig): void {
    this.#sequencer.setConfig(config)
    this.#routes.setOptions(routeOptions(config))
    this.#misplaced.poolsChanged() // or whether anybody goes by them
  }

  /** Whether blocks of IPAM should be among the facts: while some pool is Felix's to route. */
  get needsBlocks(): boolean {
    return this.#routes.needsBlocks
  }

  /** Keys of the blocks among the facts. */
  get blockKeys(): Iterable<string> {
    return this.#dispatcher.facts('block').keys()
  }

  /** Takes in facts; the more at once, the better the order in which they are worked out. */
  update(inputs: readonly Input[]): void {
    for (const input of inputs.toSorted((a, b) => RANK[a.kind] - RANK[b.kind])) this.#dispatcher.dispatch(input)
  }

  /**
   * What must change at the receiver since the last flush, in an order that it may apply one by one. The first flush
   * says everything and ends with `in-sync`: call it only when every fact of the first snapshot is in.
   */
  flush(): CalcMessage[] {
    for (const { key, endpoint } of this.#resolver.takeDirty()) {
      this.#sequencer.workloads.set(key, endpoint?.type === 'workload' ? endpoint.value : undefined)
      this.#sequencer.hosts.set(key, endpoint?.type === 'host' ? endpoint.value : undefined)
    }
    const changed = this.#routes.resolve()
    if (changed || this.#bgpChanged) this.#notice()
    this.#bgpChanged = false
    for (const [id, reason] of this.#misplaced.takeAnswers(this.#routes)) this.#sequencer.notices.set(id, reason)
    return this.#sequencer.flush()
  }

  #notice(): void {
    const { notices } = this.#sequencer
    const before = this.#noticed
    this.#noticed = networkNotices(this.#node, this.#routes, this.#bgp)
    for (const id of before.keys()) if (!this.#noticed.has(id)) notices.set(id, undefined)
    for (const [id, reason] of this.#noticed) notices.set(id, reason)
  }

  counts(): GraphCounts {
    return {
      localEndpoints: this.#resolver.endpointCount,
      activePolicies: this.#activeRules.activePolicies,
      activeSets: this.#scanner.activeSets,
      labels: sumOf(this.#members.labelCounts, this.#activeRules.labelCounts),
      cluster: {
        nodes: this.#dispatcher.facts('node').size,
        workloads: this.#dispatcher.facts('endpoint').size - this.#hosts,
        hosts: this.#hosts,
        policies: this.#dispatcher.facts('policy').size,
        profiles: this.#dispatcher.facts('profile').size,
        tiers: this.#dispatcher.facts('tier').size,
      },
    }
  }
}

const sumOf = (a: LabelCounts, b: LabelCounts): LabelCounts => ({
  items: a.items + b.items,
  restricted: a.restricted + b.restricted,
  unrestricted: a.unrestricted + b.unrestricted,
})

const routeOptions = (config: FelixConfig): RouteOptions => ({
  enabled: !config.RouteSyncDisabled,
  ipv6: config.Ipv6Support,
  ipip: config.IpipEnabled,
  vxlan: config.VxlanEnabled,
  plainPools: config.ProgramClusterRoutes === 'Enabled',
})

const idOf = ({ id }: { readonly id: string }): string => id
const nameOf = ({ name }: { readonly name: string }): string => name
const nodeNameOf = ({ name }: NodeInput): NodeName => name
const cidrOf = ({ cidr }: PoolInput): Cidr => cidr
