import type {
  Chain,
  ForwardingEntry,
  Hook,
  IpSet,
  IpVersion,
  Neighbour,
  Route,
  Table,
  TunnelDevice,
} from '@calico-node/linux'

/** One value below /proc/sys that an interface needs. */
export interface InterfaceSysctl {
  readonly key: string
  readonly value: string
  /** Without it the workload has no network; otherwise a failure is only worth a warning. */
  readonly required: boolean
}

/**
 * What managers ask of the kernel. An op names a whole object and its exact content, so that a later one simply replaces an
 * earlier one; the drivers own the difference to what is there, and `kernel.ts` owns the order. Only the members of IP sets
 * also come as changes, because a set may have a million of them.
 */
export type DataplaneOp =
  | { readonly kind: 'ip-set.set'; readonly set: IpSet }
  | {
      readonly kind: 'ip-set.change'
      readonly ipVersion: IpVersion
      readonly name: string
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }
  | { readonly kind: 'ip-set.remove'; readonly ipVersion: IpVersion; readonly name: string }
  | { readonly kind: 'chain.set'; readonly ipVersion: IpVersion; readonly table: Table; readonly chain: Chain }
  | { readonly kind: 'chain.remove'; readonly ipVersion: IpVersion; readonly table: Table; readonly name: string }
  | { readonly kind: 'hook.set'; readonly ipVersion: IpVersion; readonly table: Table; readonly hook: Hook }
  | {
      readonly kind: 'routes.set'
      readonly ipVersion: IpVersion
      readonly owner: string
      readonly routes: readonly Route[]
    }
  | { readonly kind: 'tunnel.set'; readonly device: TunnelDevice }
  | { readonly kind: 'tunnel.remove'; readonly name: string }
  | { readonly kind: 'neighbours.set'; readonly owner: string; readonly entries: readonly Neighbour[] }
  | { readonly kind: 'forwarding.set'; readonly owner: string; readonly entries: readonly ForwardingEntry[] }
  /** How large packets of workloads may be. */
  | { readonly kind: 'workload-mtu.set'; readonly mtuBytes: number }
  /** Something that a person should know of this host, a sentence; undefined = no longer. */
  | { readonly kind: 'problem.set'; readonly id: string; readonly reason: string | undefined }
  /** Undefined: the interface is no workload's any more. */
  | { readonly kind: 'interface.set'; readonly name: string; readonly sysctls: readonly InterfaceSysctl[] | undefined }
  /** An interface was down or new, and the kernel may have dropped what stood on it. */
  | { readonly kind: 'interface.reset'; readonly name: string }
