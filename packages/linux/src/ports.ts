/**
 * What the dataplane of Felix needs of the kernel, as ports. Each port keeps the desired state it was given, owns the diff
 * against what it last read, and converges on `apply`. `queueResync` makes the next `apply` read the kernel first. An error
 * leaves the object dirty and queues a read-back; it never stops the rest (one APPLY_FAILED with an AggregateError).
 * All act on the network namespace of this process. One `apply` at a time, and no change of the desired state while it runs.
 */
import type { Cidr, Ip, Mac } from '@calico-node/model'
import type { RuleWatch } from './iptables/check-schedule.ts'
import type { Chain, Hook, IpSet, IpVersion, Table } from './rules/types.ts'

export interface Driver {
  /** Converges the kernel on the desired state. @throws APPLY_FAILED */
  apply(signal?: AbortSignal): Promise<void>
  queueResync(): void
  /**
   * Milliseconds until this driver wants `apply` to be called even though nobody changed the desired state: a retry after a
   * failure, a check that a write still stands, a grace period that ends. Undefined when it has no wish. Ask after each
   * `apply` (also a failed one) and arm one timer with the smallest answer.
   */
  dueInMs?(): number | undefined
}

/** One table of one IP version (iptables-legacy or iptables-nft). Recognises its own rules by their `cali:` hash comment. */
export interface RuleTable extends Driver {
  readonly table: Table
  readonly ipVersion: IpVersion
  setChain(chain: Chain): void
  removeChain(name: string): void
  setHook(hook: Hook): void
  /** Somebody may have changed this table: brings the next read-back forward (see `dueInMs`), unless it was our own write. */
  hint?(): void
  /** Who hints from now on: decides how often the table is read back without a hint. */
  watchedBy?(watch: RuleWatch): void
  /** What of ours stands in the kernel, as last read and written. */
  counts(): { readonly chains: number; readonly rules: number }
}

export interface IpSets extends Driver {
  readonly ipVersion: IpVersion
  /** Exact content. */
  setIpSet(set: IpSet): void
  addMembers(name: string, members: Iterable<string>): void
  removeMembers(name: string, members: Iterable<string>): void
  removeIpSet(name: string): void
  /** Sets of ours that are wanted, and all that the kernel had when it was last read. */
  counts(): { readonly ours: number; readonly all: number }
  /** Creates and fills sets; `applyDeletions` destroys, after the rules that named them are gone. */
  applyDeletions(signal?: AbortSignal): Promise<void>
}

export interface Route {
  readonly dst: Cidr
  readonly kind: 'unicast' | 'blackhole'
  /** Absent for blackhole routes. */
  readonly dev?: string
  readonly via?: Ip
  readonly onlink?: boolean
  readonly scope: 'link' | 'global'
  readonly protocol: number
  readonly src?: Ip
  readonly metric?: number
  readonly mtu?: number
}

/**
 * Main-table routes of one IP version. Owns the routes that `ownsRoute` of ownership.ts names; never touches anything else.
 * When two owners want the same destination, the class of the owner decides: see `ROUTE_CLASSES`.
 */
export interface Routes extends Driver {
  readonly ipVersion: IpVersion
  /**
   * Wanted routes of one owner; an empty list forgets the owner. The first word of the owner's name is its class
   * ("workload cali123", "vxlan", "blackhole", ...).
   */
  setRoutes(owner: string, routes: readonly Route[]): void
  /** Of ours, as last read and written. */
  counts(): { readonly routes: number; readonly interfaces: number }
}

export interface Neighbour {
  readonly dev: string
  readonly ip: Ip
  readonly mac: Mac
}

/**
 * Many small objects of the kernel with one value under one key. `apply` adds and changes, `applyDeletions` removes, after
 * the routes that led over them are gone. One owner's list is replaced as a whole.
 */
export interface Entries<E> extends Driver {
  /** Wanted entries of one owner; an empty list forgets the owner. */
  set(owner: string, entries: readonly E[]): void
  /** @throws APPLY_FAILED */
  applyDeletions(signal?: AbortSignal): Promise<void>
}

/** A permanent neighbour entry. */
export interface Neighbour {
  readonly dev: string
  readonly ip: Ip
  readonly mac: Mac
}

/** Behind which host a VXLAN device finds a MAC address. */
export interface ForwardingEntry {
  readonly dev: string
  readonly mac: Mac
  /** Address of the host on the network below. */
  readonly host: Ip
}

/** A tunnel device as it should be. */
export interface TunnelDevice {
  readonly name: string
  readonly mtuBytes: number
  /** Its only address of the tunnel's IP version; absent: none. */
  readonly address?: Ip
  /** Absent: IP-in-IP. */
  readonly vxlan?: VxlanParameters
}

export interface VxlanParameters {
  readonly vni: number
  readonly port: number
  /** The interface that packets leave by, and the address that they carry. */
  readonly parent: string
  readonly local: Ip
  readonly mac: Mac
}

export interface TunnelDevices extends Driver {
  setDevice(device: TunnelDevice): void
  /** A VXLAN device goes. `tunl0`, which the kernel makes by itself, only loses its addresses. */
  removeDevice(name: string): void
}

export interface Link {
  readonly name: string
  readonly index: number
  /** IFF_UP and IFF_RUNNING (UP present, NO-CARRIER absent). */
  readonly operUp: boolean
  readonly mac?: Mac
  readonly mtuBytes: number
  readonly kind?: string
}

export type LinkEvent =
  | { readonly kind: 'link'; readonly name: string; readonly link: Link | undefined }
  | { readonly kind: 'addresses'; readonly name: string; readonly addresses: ReadonlySet<Ip> }
  /** A full dump has been delivered. The first one opens the gate for kernel writes. */
  | { readonly kind: 'in-sync' }
  /** Routes or neighbours changed behind our back: a hint to read back. */
  | { readonly kind: 'routes-changed' }

/** Follows interfaces: full dump first, then changes, with timed full dumps against lost events. */
export interface LinkMonitor {
  events(signal: AbortSignal): AsyncIterable<LinkEvent>
}

/** Values below /proc/sys; `root` is the first writable of /proc/sys and /host/proc/sys. Keys such as `net/ipv4/conf/cali1/proxy_arp`. */
export interface Sysctl {
  read(key: string): string | undefined
  /** Writes only when different. @throws APPLY_FAILED; NOT_FOUND when the interface is gone */
  write(key: string, value: string): void
}

/** Deletes the tracked flows of addresses (original and reply source), batched, off the critical path. */
export interface Conntrack {
  flush(addresses: readonly Ip[]): Promise<void>
}

/** A flow as connection tracking sees it, from its first packet on. */
export interface TrackedFlow {
  readonly protocol: number
  readonly source: Ip
  readonly destination: Ip
  readonly sourcePort?: number
  readonly destinationPort?: number
  readonly icmp?: { readonly type: number; readonly code: number; readonly id: number }
  /** Who answers: the destination, after translation. */
  readonly answerer: Ip
  readonly answererPort?: number
}

export interface TrackedFlows {
  list(version: IpVersion): Promise<TrackedFlow[]>
  /** Never rejects: what cannot be cut is logged and goes on. */
  cut(flows: readonly TrackedFlow[], version: IpVersion): Promise<void>
}
