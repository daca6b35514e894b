/**
 * What the calculation graph computes from: resources after decoding, checking and conversion, each under the etcd key
 * it came from. `value: undefined` means that it does not exist (or is invalid), whatever was there before.
 */
import type { Cidr, InterfaceName, Ip, IPPoolSpec, Mac, NodeName, RuleSpec } from '@calico-node/model'
import type { Selector } from '@calico-node/selector'
import type { FloatingIp, PolicyId, ProfileId, TunnelKind, WorkloadId } from './messages.ts'

export type Labels = ReadonlyMap<string, string>

/** Something that selectors choose: its own labels first, then those of its parents (profiles) in order. */
export interface Labelled {
  readonly labels: Labels
  readonly parents: readonly ProfileId[]
}

export type PortProtocol = 'tcp' | 'udp' | 'sctp'
export interface NamedPort {
  readonly name: string
  readonly protocol: PortProtocol
  readonly port: number
}

/** What an endpoint or network set contributes to the IP sets that select it. */
export interface MemberSource extends Labelled {
  /** Members for hash:net sets, in canonical text: addresses bare, networks with their length, never a /0. */
  readonly members: readonly string[]
  readonly ports: readonly NamedPort[]
}

interface EndpointBase extends MemberSource {
  readonly key: string
  readonly node: NodeName
}
export interface WorkloadInput extends EndpointBase {
  readonly type: 'workload'
  readonly id: WorkloadId
  readonly interfaceName: InterfaceName
  readonly mac?: Mac
  readonly nets: readonly Cidr[]
  /** Absent: none. */
  readonly floatingIps?: readonly FloatingIp[]
}
export interface HostInput extends EndpointBase {
  readonly type: 'host'
  readonly name: string
  readonly interfaceName?: InterfaceName | '*'
  readonly expectedIps: readonly Ip[]
}
export type EndpointInput = WorkloadInput | HostInput

/** Rules as their author wrote them, and the namespace that scopes their selectors. */
export interface RuleSource {
  readonly namespace?: string
  readonly ingress: readonly RuleSpec[]
  readonly egress: readonly RuleSpec[]
}

export interface PolicyInput {
  readonly id: PolicyId
  readonly tier: string
  /** Infinity when absent. */
  readonly order: number
  /** Decides between equal orders: `<namespace>/<storage name>` or the storage name. */
  readonly sortName: string
  /** Scoped to namespaces and service accounts. */
  readonly selector: Selector
  readonly ingress: boolean
  readonly egress: boolean
  /** Which lists of a host endpoint it enters. Workloads see only `normal`. */
  readonly stage: 'normal' | 'untracked' | 'pre-dnat'
  readonly applyOnForward: boolean
  /** Programmed even where no endpoint needs it. */
  readonly everywhere: boolean
  readonly rules: RuleSource
}

export interface ProfileInput {
  readonly id: ProfileId
  /** What endpoints with this profile inherit. */
  readonly labels: Labels
  readonly rules: RuleSource
}

export interface TierInput {
  readonly name: string
  /** Infinity when absent. */
  readonly order: number
  readonly defaultAction: 'Deny' | 'Pass'
}

export interface PoolInput {
  readonly name: string
  readonly cidr: Cidr
  readonly spec: IPPoolSpec
}

export interface NodeInput {
  readonly name: NodeName
  /** One of each IP version at most. */
  readonly ips: readonly Ip[]
  /** The networks that `ips` lie in, as far as they are known. */
  readonly subnets: readonly Cidr[]
  readonly tunnels: readonly TunnelAddress[]
}

/** The end of a tunnel at a node. */
export interface TunnelAddress {
  readonly kind: TunnelKind
  readonly ip: Ip
  /** Of a VXLAN device, where the Node names one. */
  readonly mac?: Mac
}

/** A BGPPeer that makes workloads the peers of their node. */
export interface WorkloadPeerInput {
  readonly name: string
  readonly selector: Selector
}

/** An allocation block of IPAM, as far as it says where addresses are. */
export interface BlockInput {
  readonly cidr: Cidr
  /** Undefined: no node owns the block. */
  readonly owner: NodeName | undefined
  /** Addresses that nodes have which do not own the block. */
  readonly borrowed: readonly PlacedIp[]
  /** Tunnel addresses among the allocations, and whose they are. */
  readonly tunnels: readonly PlacedIp[]
}

export interface PlacedIp {
  readonly ip: Ip
  readonly node: NodeName
}

/** What the BGPConfiguration of the cluster says about more than BGP. */
export interface ClusterBgpInput {
  /** Networks of service addresses: cluster, external, load balancer. */
  readonly serviceNetworks: readonly Cidr[]
  /** Whether BIRD programs the routes of pools without encapsulation. */
  readonly programsRoutes: boolean
}

interface InputValues {
  readonly endpoint: EndpointInput
  readonly 'network-set': MemberSource
  readonly policy: PolicyInput
  readonly profile: ProfileInput
  readonly tier: TierInput
  readonly pool: PoolInput
  readonly node: NodeInput
  readonly block: BlockInput
  readonly 'cluster-bgp': ClusterBgpInput
  readonly 'workload-peer': WorkloadPeerInput
}
export type InputKind = keyof InputValues
export type InputValue<K extends InputKind> = InputValues[K]

/** One fact of some kind. The key is the etcd key: unique among all kinds. */
export interface InputOf<K extends InputKind> {
  readonly kind: K
  readonly key: string
  readonly value: InputValues[K] | undefined
}
export type Input = { readonly [K in InputKind]: InputOf<K> }[InputKind]
