import type {
  BGPConfigurationResource,
  BGPFilterResource,
  BGPPeerResource,
  Cidr,
  Ip,
  IPPoolResource,
  Kind,
  NodeResource,
} from '@calico-node/model'

/** All that the configuration of this node's BIRD depends on, as it stood at one moment. */
export interface Facts {
  readonly nodes: ReadonlyMap<string, NodeResource>
  readonly pools: ReadonlyMap<string, IPPoolResource>
  readonly configurations: ReadonlyMap<string, BGPConfigurationResource>
  readonly peers: ReadonlyMap<string, BGPPeerResource>
  readonly filters: ReadonlyMap<string, BGPFilterResource>
  /** Blocks that this node owns for certain: pending claims are not among them. */
  readonly blocks: ReadonlySet<Cidr>
  /** Networks of pools that Felix took over only just now: BIRD's routes stay until Felix's stand. */
  readonly handedOver: ReadonlySet<Cidr>
  /** Names of BGPConfigurations that exist but cannot be read. */
  readonly brokenConfigurations: ReadonlySet<string>
  /** Names of filters that exist but cannot be read. */
  readonly brokenFilters: ReadonlySet<string>
  /** Workloads of this node that BGPPeers choose as peers, as far as they are up. */
  readonly workloads: readonly PeeringWorkload[]
  /** Passwords by {@link secretId}; what is absent here is not mounted. */
  readonly secrets: ReadonlyMap<string, string>
}

/** A workload of this node that is a BGP peer of it. */
export interface PeeringWorkload {
  /** Name of the BGPPeer. */
  readonly peer: string
  readonly ips: readonly Ip[]
}

/** A password's place: `<directory of secrets>/<name>/<key>`. */
export const secretId = (name: string, key: string): string => `${name}/${key}`

/** What differs between nodes and is not in the datastore. */
export interface Surroundings {
  readonly node: string
  /** Undefined: the IPv4 address of the node. */
  readonly routerId: RouterIdChoice | undefined
  /** How long a BIRD that came up with -R waits for its peers before it writes to the kernel. */
  readonly restartWaitSeconds: number
  /** Replaces the service cluster networks of BGPConfiguration. */
  readonly clusterIps: Cidr | undefined
  /** Lower-case hexadecimal; passed in because this folder imports nothing of the runtime. */
  readonly sha256: (text: string) => string
}

export type RouterIdChoice = { readonly kind: 'hash' } | { readonly kind: 'literal'; readonly id: string }

/** Something an operator should mend. What it concerns was left out; everything else goes on. */
export interface Problem {
  readonly kind: Kind | 'BlockAffinity' | 'Template'
  readonly name: string
  /** A sentence that says what is wrong and what follows from it. */
  readonly reason: string
}

/** Collects problems while a view is built. */
export type Report = (kind: Problem['kind'], name: string, reason: string) => void

/** What goes by family in a resource's fields: the version of IP that one BIRD daemon speaks. */
export type Family = 4 | 6

/** The entries in order of their names, so that the same facts always give the same text. */
export const byName = <T>(map: ReadonlyMap<string, T>): [string, T][] =>
  [...map].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
