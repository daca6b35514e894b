import type { Ip, IpInterface } from '@calico-node/model'

/** One address of one interface of this host, as the kernel reports it. */
export interface HostAddress {
  readonly interface: string
  readonly index: number
  readonly address: IpInterface
  /** Shares its subnet with an earlier address of the interface: an alias. */
  readonly secondary: boolean
  /** Why it must not be announced, when it must not: `temporary address`, `interface is down`. */
  readonly flaw?: string
}

export interface DefaultRoute {
  readonly interface: string
  readonly metric: number
  readonly via?: Ip
  /** The source address that the route prescribes. */
  readonly source?: Ip
}

/** The address that this host's packets towards `target` would carry; absent when there is no way there. */
export interface SourceProbe {
  readonly target: string
  readonly source?: Ip
}

/** Everything that a choice of address depends on, for one family. */
export interface HostFacts {
  readonly version: 4 | 6
  readonly addresses: readonly HostAddress[]
  readonly defaultRoutes: readonly DefaultRoute[]
  /** Towards the etcd endpoints, in their order; for `can-reach` the one host named. */
  readonly probes: readonly SourceProbe[]
}
