/**
 * For tests of the graph: datastore states, a receiver that refuses messages out of order, and runs of one over the
 * other.
 */
import { assertNever } from '@calico-node/core'
import { parseNodeName } from '@calico-node/model'
import type { FelixConfig } from '../config/params.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { CalcGraph, type GraphCounts } from './graph.ts'
import {
  type CalcMessage,
  type CalcRule,
  type EndpointTier,
  type HostEndpoint,
  type LocalTunnel,
  type RemoteTunnelEnd,
  type RouteTarget,
  type RuleLists,
  type WorkloadEndpoint,
  workloadKey,
} from './messages.ts'
import { ValidationFilter } from './validation-filter.ts'

/** etcd keys and values. */
export type DataState = ReadonlyMap<string, string>
type Json = Readonly<Record<string, unknown>>

export interface Meta {
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
}

/** A stored resource as an entry of a state. Policies are named as they are stored: `tier.name`. */
export function stored(plural: string, name: string, spec: Json, { namespace, labels }: Meta = {}): [string, string] {
  const path = namespace === undefined ? name : `${namespace}/${name}`
  const metadata = { name, namespace, labels, uid: 'u', creationTimestamp: '2024-05-01T10:00:00Z' }
  const key = `/calico/resources/v3/projectcalico.org/${plural}/${path}`
  return [key, JSON.stringify({ kind: KINDS[plural], apiVersion: 'projectcalico.org/v3', metadata, spec })]
}

/** A node with an address of its own, and whatever else its spec says. */
export const node = (name: string, ip: string, spec: Json = {}, bgp: Json = {}): [string, string] =>
  stored('nodes', name, { bgp: { ipv4Address: ip, ...bgp }, ...spec })

/** An allocation at an offset of a block. */
export interface Allocated {
  readonly at: number
  readonly node: string
  readonly type?: string
}

/** A block of IPAM with 64 addresses (or as many as its prefix says), and who has some of them. */
export function block(cidr: string, owner: string | null, allocated: readonly Allocated[] = []): [string, string] {
  const length = Number(cidr.split('/')[1])
  const size = 2 ** ((cidr.includes(':') ? 128 : 32) - length)
  const allocations = Array.from({ length: size }, (_, at) => {
    const index = allocated.findIndex((each) => each.at === at)
    return index < 0 ? null : index
  })
  const attributes = allocated.map(({ node: on, type }) => ({
    handle_id: 'h',
    secondary: { node: on, ...(type && { type }) },
  }))
  const value = { cidr, affinity: owner === null ? null : `host:${owner}`, allocations, unallocated: [], attributes }
  const version = cidr.includes(':') ? 'ipv6' : 'ipv4'
  return [`/calico/ipam/v2/assignment/${version}/block/${cidr.replace('/', '-')}`, JSON.stringify(value)]
}

const KINDS: Readonly<Record<string, string>> = {
  bgpconfigurations: 'BGPConfiguration',
  bgppeers: 'BGPPeer',
  globalnetworkpolicies: 'GlobalNetworkPolicy',
  globalnetworksets: 'GlobalNetworkSet',
  hostendpoints: 'HostEndpoint',
  ippools: 'IPPool',
  networkpolicies: 'NetworkPolicy',
  networksets: 'NetworkSet',
  nodes: 'Node',
  profiles: 'Profile',
  tiers: 'Tier',
  workloadendpoints: 'WorkloadEndpoint',
}

export interface Workload extends Meta {
  readonly node?: string
  readonly ips: readonly string[]
  readonly profiles?: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly protocol: string; readonly port: number }[]
  readonly more?: Json
}

/** A workload endpoint, by default on this node. */
export function workload(
  name: string,
  { node = 'here', ips, profiles, ports, more, namespace = 'default', labels = {} }: Workload,
): [string, string] {
  const spec = {
    orchestrator: 'lab',
    workload: name,
    node,
    endpoint: 'eth0',
    interfaceName: `cali${name}`,
    ipNetworks: ips.map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`),
    profiles,
    ports,
    ...more,
  }
  const own = { 'projectcalico.org/namespace': namespace, 'projectcalico.org/orchestrator': 'lab', ...labels }
  return stored('workloadendpoints', `${escaped(node)}-lab-${escaped(name)}-eth0`, spec, { namespace, labels: own })
}

const escaped = (segment: string): string => segment.replaceAll('-', '--')

/** What a data plane would hold. Each message is checked against what it has when the message arrives. */
export class Receiver {
  readonly sets = new Map<string, Set<string>>()
  readonly policies = new Map<string, RuleLists>()
  readonly profiles = new Map<string, RuleLists>()
  readonly workloads = new Map<string, WorkloadEndpoint>()
  readonly hosts = new Map<string, HostEndpoint>()
  /** What the graph held in the end. */
  counts: GraphCounts | undefined
  readonly pools = new Map<string, unknown>()
  readonly nodes = new Map<string, readonly string[]>()
  readonly tunnels = new Map<string, LocalTunnel>()
  readonly ends = new Map<string, RemoteTunnelEnd>()
  readonly routes = new Map<string, RouteTarget>()
  readonly notices = new Map<string, string>()
  serviceNetworks: readonly string[] = []

  apply(messages: Iterable<CalcMessage>): void {
    for (const message of messages) this.#take(message)
  }

  /** The same for the same content, whatever the order in which it came. */
  content(): unknown {
    const sorted = <V>(map: ReadonlyMap<string, V>): [string, V][] => [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return {
      sets: sorted(new Map([...this.sets].map(([id, members]) => [id, [...members].toSorted()]))),
      policies: sorted(this.policies),
      profiles: sorted(this.profiles),
      workloads: sorted(this.workloads),
      hosts: sorted(this.hosts),
      pools: sorted(this.pools),
      nodes: sorted(this.nodes),
      tunnels: sorted(this.tunnels),
      ends: sorted(this.ends),
      routes: sorted(this.routes),
      serviceNetworks: this.serviceNetworks,
    }
  }

  #take(message: CalcMessage): void {
    switch (message.kind) {
      case 'config.update':
      case 'in-sync':
        return
      case 'ipset.update':
        expect(new Set(message.members).size === message.members.length, 'members are distinct')
        this.sets.set(message.id, new Set(message.members))
        return
      case 'ipset.delta':
        return this.#applyDelta(message)
      case 'ipset.remove':
        expect(this.sets.delete(message.id), `removed set ${message.id} is known`)
        for (const [owner, rules] of this.#rules())
          expect(!setsOf(rules).includes(message.id), `${owner} still uses ${message.id}`)
        return
      case 'policy.update':
      case 'profile.update':
        for (const id of setsOf(message.rules)) expect(this.sets.has(id), `set ${id} of ${message.id} exists`)
        this.#table(message.kind).set(message.id, message.rules)
        return
      case 'policy.remove':
      case 'profile.remove':
        expect(this.#table(message.kind).delete(message.id), `removed ${message.id} is known`)
        for (const endpoint of [...this.workloads.values(), ...this.hosts.values()]) {
          expect(
            !namesOf(endpoint).includes(`${message.kind.split('.')[0]} ${message.id}`),
            `${message.id} has no user`,
          )
        }
        return
      case 'workload.update':
        this.#assertNamed(message.endpoint)
        this.workloads.set(workloadKey(message.endpoint.id), message.endpoint)
        return
      case 'workload.remove':
        expect(this.workloads.delete(workloadKey(message.id)), 'removed workload is known')
        return
      case 'host-endpoint.update':
        this.#assertNamed(message.endpoint)
        this.hosts.set(message.endpoint.name, message.endpoint)
        return
      case 'host-endpoint.remove':
        expect(this.hosts.delete(message.name), 'removed host endpoint is known')
        return
      case 'pool.update':
        this.pools.set(message.cidr, message.pool)
        return
      case 'pool.remove':
        expect(this.pools.delete(message.cidr), 'removed pool is known')
        return
      case 'host-ip.update':
        this.nodes.set(message.node, message.ips)
        return
      case 'host-ip.remove':
        expect(this.nodes.delete(message.node), 'removed node is known')
        return
      default:
        this.#takeNetwork(message)
    }
  }

  #takeNetwork(message: NetworkMessage): void {
    switch (message.kind) {
      case 'tunnel.update':
        return void this.tunnels.set(message.tunnel.kind, message.tunnel)
      case 'tunnel.remove':
        expect(this.tunnels.delete(message.tunnel), 'removed tunnel is known')
        return expect(!this.#leadsOver(({ tunnel }) => tunnel === message.tunnel), `no route needs ${message.tunnel}`)
      case 'tunnel-end.update':
        return void this.ends.set(endKey(message.end), message.end)
      case 'tunnel-end.remove':
        return expect(this.ends.delete(endKey(message.end)), 'removed tunnel end is known')
      case 'route.update':
        this.routes.set(message.dst, message.target)
        if (message.target.kind === 'tunnel') this.#assertWay(message.target)
        return
      case 'route.remove':
        return expect(this.routes.delete(message.dst), 'removed route is known')
      case 'service-networks':
        this.serviceNetworks = message.cidrs
        return
      case 'notice.update':
        return void this.notices.set(message.id, message.reason)
      case 'notice.remove':
        return expect(this.notices.delete(message.id), 'removed notice is known')
      default:
        assertNever(message)
    }
  }

  #leadsOver(over: (target: Extract<RouteTarget, { kind: 'tunnel' }>) => boolean): boolean {
    return [...this.routes.values()].some((target) => target.kind === 'tunnel' && over(target))
  }

  #assertWay({ tunnel, gateway }: Extract<RouteTarget, { kind: 'tunnel' }>): void {
    expect(this.tunnels.has(tunnel), `tunnel ${tunnel} exists`)
    const isEnd = [...this.ends.values()].some((end) => end.kind === tunnel && end.gateway === gateway)
    expect(tunnel === 'ipip' || isEnd, `an end of ${tunnel} has ${gateway}`)
  }

  #table(kind: 'policy.update' | 'policy.remove' | 'profile.update' | 'profile.remove'): Map<string, RuleLists> {
    return kind.startsWith('policy') ? this.policies : this.profiles
  }

  #rules(): [string, RuleLists][] {
    return [...this.policies, ...this.profiles]
  }

  #applyDelta({ id, added, removed }: Extract<CalcMessage, { kind: 'ipset.delta' }>): void {
    const members = this.sets.get(id)
    expect(members !== undefined, `changed set ${id} is known`)
    for (const member of removed) expect(members.delete(member), `removed member ${member} is known`)
    for (const member of added) {
      expect(!members.has(member), `added member ${member} is new`)
      members.add(member)
    }
  }

  #assertNamed(endpoint: WorkloadEndpoint | HostEndpoint): void {
    for (const name of namesOf(endpoint)) {
      const [table, id = ''] = name.split(' ')
      expect((table === 'policy' ? this.policies : this.profiles).has(id), `${name} exists`)
    }
  }
}

type NetworkMessage = Extract<
  CalcMessage,
  { kind: `${'tunnel' | 'tunnel-end' | 'route' | 'notice'}.${'update' | 'remove'}` | 'service-networks' }
>
const endKey = ({ kind, node }: RemoteTunnelEnd): string => `${kind} ${node}`

const setsOf = ({ ingress, egress }: RuleLists): string[] =>
  [...ingress, ...egress].flatMap(({ source, destination }: CalcRule) =>
    [source, destination].flatMap((side) => [...side.sets, ...side.notSets, ...side.portSets, ...side.notPortSets]),
  )

function namesOf(endpoint: WorkloadEndpoint | HostEndpoint): string[] {
  const lists: (readonly EndpointTier[])[] =
    'id' in endpoint
      ? [endpoint.tiers]
      : [endpoint.tiers, endpoint.untrackedTiers, endpoint.preDnatTiers, endpoint.forwardTiers]
  return [
    ...lists
      .flat()
      .flatMap((tier) => [...tier.ingress, ...tier.egress])
      .map((id) => `policy ${id}`),
    ...endpoint.profiles.map((id) => `profile ${id}`),
  ]
}

function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`A message came out of order: it does not hold that ${what}`)
}

/** When a run flushes. The first state is always complete before the first flush, as the syncer sees to. */
export type Flushing = 'after each key' | 'after each state' | 'at the end'
export const FLUSHINGS: readonly Flushing[] = ['after each key', 'after each state', 'at the end']

/** The parameters as they are when nobody sets any. */
export const CONFIG: FelixConfig = resolveFelixConfig([]).config

/** Walks a fresh graph through the states and returns what the receiver holds in the end. */
export function walk(states: readonly DataState[], flushing: Flushing = 'after each state', config = CONFIG): Receiver {
  const graph = new CalcGraph(parseNodeName('here'))
  graph.setConfig(config)
  const filter = new ValidationFilter({ allowSpoofing: false })
  const receiver = new Receiver()
  let before: DataState = new Map()
  for (const [index, state] of states.entries()) {
    for (const update of changes(before, state)) {
      graph.update(filter.filter([update]).inputs)
      if (flushing === 'after each key' && index > 0) receiver.apply(graph.flush())
    }
    if (flushing !== 'at the end') receiver.apply(graph.flush())
    before = state
  }
  receiver.apply(graph.flush())
  receiver.counts = graph.counts()
  return receiver
}

/** What a watcher would see between two states. */
export function changes(before: DataState, after: DataState) {
  const changed = [...after].filter(([key, value]) => before.get(key) !== value)
  return [
    ...changed.map(([key, value]) => ({ key, kv: { value, modRevision: 1n } })),
    ...[...before.keys()].filter((key) => !after.has(key)).map((key) => ({ key, kv: undefined })),
  ]
}
