/**
 * The seam between the calculation graph and the dataplane: what must be true on this host, as whole objects in an
 * order that never names something before it exists or removes it before its last user.
 */
import type { Cidr, InterfaceName, Ip, IPPoolSpec, Mac, NodeName } from '@calico-node/model'
import type { FelixConfig } from '../config/params.ts'

/** `s:` or `n:` and a hash; the set's kernel name is `cali40` or `cali60` and this id, cut at 31. */
export type SetId = string
/** `<tier>/<policy storage name>` or `<tier>/<namespace>/<name>`: also what the chain name is hashed from. */
export type PolicyId = string
export type ProfileId = string

export interface WorkloadId {
  readonly orchestrator: string
  /** `<namespace>/<workload>`. */
  readonly workload: string
  readonly endpoint: string
}
export const workloadKey = (id: WorkloadId): string => `${id.orchestrator} ${id.workload} ${id.endpoint}`

export interface PortSpec {
  readonly first: number
  readonly last: number
}

/**
 * One side of a rule after selectors and named ports became sets. Everything given must hold; lists are alternatives.
 */
export interface CalcSide {
  readonly nets: readonly Cidr[]
  readonly notNets: readonly Cidr[]
  readonly ports: readonly PortSpec[]
  readonly notPorts: readonly PortSpec[]
  /** Address sets; all must match. */
  readonly sets: readonly SetId[]
  readonly notSets: readonly SetId[]
  /** Address-and-port sets of named ports: alternatives to `ports`. */
  readonly portSets: readonly SetId[]
  readonly notPortSets: readonly SetId[]
}

export interface CalcRule {
  readonly action: 'allow' | 'deny' | 'pass' | 'log'
  readonly ipVersion?: 4 | 6
  /** IP protocol number. */
  readonly protocol?: number
  readonly notProtocol?: number
  readonly icmp?: { readonly type: number; readonly code?: number }
  readonly notIcmp?: { readonly type: number; readonly code?: number }
  readonly source: CalcSide
  readonly destination: CalcSide
  /** `key=value` of the rule's metadata annotations. */
  readonly comments: readonly string[]
}

export interface RuleLists {
  readonly ingress: readonly CalcRule[]
  readonly egress: readonly CalcRule[]
}

/** A tier as one endpoint sees it: only the policies that select it, in order, per direction. */
export interface EndpointTier {
  readonly name: string
  readonly defaultAction: 'Deny' | 'Pass'
  readonly ingress: readonly PolicyId[]
  readonly egress: readonly PolicyId[]
}

export interface WorkloadEndpoint {
  readonly id: WorkloadId
  readonly interfaceName: InterfaceName
  readonly mac?: Mac
  /** Host routes: /32 or /128. */
  readonly nets: readonly Cidr[]
  readonly floatingIps?: readonly FloatingIp[]
  readonly tiers: readonly EndpointTier[]
  /** In order; a missing one is still named here and exists as a profile that denies everything. */
  readonly profiles: readonly ProfileId[]
  /** The BGPPeer by which the workload is a peer of this node; of several the first by name. */
  readonly bgpPeer?: string
}

/** An address that stands for one of a workload's own outside. Both are of one IP version. */
export interface FloatingIp {
  readonly external: Ip
  readonly internal: Ip
}

/**
 * A host endpoint polices the interfaces that its name or addresses choose: traffic of the host itself (`tiers`, then
 * `profiles`), and three special lists without profiles. A list with no tier at all means "not policed there".
 */
export interface HostEndpoint {
  readonly name: string
  /**
   * An interface, `*` for every one that no other host endpoint has, or absent: those that hold an expected address.
   */
  readonly interfaceName?: InterfaceName | '*'
  readonly expectedIps: readonly Ip[]
  readonly tiers: readonly EndpointTier[]
  /** doNotTrack policies. */
  readonly untrackedTiers: readonly EndpointTier[]
  /** preDNAT policies; ingress only. */
  readonly preDnatTiers: readonly EndpointTier[]
  /** Policies with applyOnForward, for traffic that passes through the host. */
  readonly forwardTiers: readonly EndpointTier[]
  readonly profiles: readonly ProfileId[]
}

export type TunnelKind = 'vxlan' | 'vxlan-v6' | 'ipip'

/** The end of a tunnel on this host. It exists while anything in the cluster needs such a tunnel and this node has an address. */
export interface LocalTunnel {
  readonly kind: TunnelKind
  /** This node's address on the network below. */
  readonly nodeIp: Ip
  /** Address of the device; absent while there is none, or when it belongs to another node. */
  readonly address?: Ip
  /** Of a VXLAN device. */
  readonly mac?: Mac
}

/** The end of a VXLAN tunnel on another node. */
export interface RemoteTunnelEnd {
  readonly node: NodeName
  readonly kind: 'vxlan' | 'vxlan-v6'
  readonly nodeIp: Ip
  readonly tunnelIp: Ip
  readonly mac: Mac
  /**
   * What routes through the tunnel name as the next hop: the tunnel address; for IPv6 the link-local address that the MAC
   * address makes, because the kernel refuses a next hop that another route leads to, and that route is what ours replaces.
   */
  readonly gateway: Ip
}

/** How addresses are reached that no workload of this host has. */
export type RouteTarget =
  /** Of a block of this node: what no workload has is nowhere. */
  | { readonly kind: 'blackhole' }
  /** Through the tunnel device; over VXLAN `gateway` is that of the other end, over IP-in-IP its node's address. */
  | { readonly kind: 'tunnel'; readonly tunnel: TunnelKind; readonly gateway: Ip }
  /** Without a tunnel, to another node's address, out of the interface that holds this node's. */
  | { readonly kind: 'direct'; readonly gateway: Ip; readonly nodeIp: Ip }

export type CalcMessage =
  | { readonly kind: 'config.update'; readonly config: FelixConfig }
  | {
      readonly kind: 'ipset.update'
      readonly id: SetId
      readonly type: 'hash:net' | 'hash:ip,port'
      readonly members: readonly string[]
    }
  | {
      readonly kind: 'ipset.delta'
      readonly id: SetId
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }
  | { readonly kind: 'ipset.remove'; readonly id: SetId }
  | { readonly kind: 'policy.update'; readonly id: PolicyId; readonly rules: RuleLists }
  | { readonly kind: 'policy.remove'; readonly id: PolicyId }
  | { readonly kind: 'profile.update'; readonly id: ProfileId; readonly rules: RuleLists }
  | { readonly kind: 'profile.remove'; readonly id: ProfileId }
  | { readonly kind: 'workload.update'; readonly endpoint: WorkloadEndpoint }
  | { readonly kind: 'workload.remove'; readonly id: WorkloadId }
  | { readonly kind: 'host-endpoint.update'; readonly endpoint: HostEndpoint }
  | { readonly kind: 'host-endpoint.remove'; readonly name: string }
  | { readonly kind: 'pool.update'; readonly cidr: Cidr; readonly pool: IPPoolSpec }
  | { readonly kind: 'pool.remove'; readonly cidr: Cidr }
  /** IP addresses of every node: who may send tunnelled packets, whom not to masquerade to. */
  | { readonly kind: 'host-ip.update'; readonly node: string; readonly ips: readonly Ip[] }
  | { readonly kind: 'host-ip.remove'; readonly node: string }
  | { readonly kind: 'tunnel.update'; readonly tunnel: LocalTunnel }
  | { readonly kind: 'tunnel.remove'; readonly tunnel: TunnelKind }
  | { readonly kind: 'tunnel-end.update'; readonly end: RemoteTunnelEnd }
  | { readonly kind: 'tunnel-end.remove'; readonly end: RemoteTunnelEnd }
  /** One way for each destination, whatever pools and blocks say of it. */
  | { readonly kind: 'route.update'; readonly dst: Cidr; readonly target: RouteTarget }
  | { readonly kind: 'route.remove'; readonly dst: Cidr }
  /** Networks of service addresses; packets to unclaimed ones must not circle between hosts and routers. */
  | { readonly kind: 'service-networks'; readonly cidrs: readonly Cidr[] }
  /** Something in the cluster's resources that a person should mend; the reason is a sentence. */
  | { readonly kind: 'notice.update'; readonly id: string; readonly reason: string }
  | { readonly kind: 'notice.remove'; readonly id: string }
  /** The first complete snapshot has been delivered. */
  | { readonly kind: 'in-sync' }

/** What the dataplane says back. */
export type EndpointState = 'up' | 'down' | 'error'
export interface DataplaneStatusSink {
  /** `undefined` when the endpoint is gone. */
  workloadStatus(id: WorkloadId, state: EndpointState | undefined): void
  /** Likewise. */
  hostEndpointStatus(name: string, state: EndpointState | undefined): void
  /** After the first apply that converged. */
  dataplaneInSync(): void
}
