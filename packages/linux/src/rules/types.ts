/**
 * Packet-filter rules as data. Modules above `linux/` build these values; renderers here turn them into the text of one
 * back end (iptables with ipset, later nftables). Nothing above this package knows a command's syntax.
 */
import type { Cidr, Ip } from '@calico-node/model'

export type IpVersion = 4 | 6
export type Table = 'raw' | 'mangle' | 'nat' | 'filter'
/** A side of the packet. */
export type Side = 'source' | 'destination'

/** Inclusive; a single port has `first === last`. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** All matches of a rule must hold. `negate` inverts the single match. */
export type Match = { readonly negate?: boolean } & (
  | { readonly kind: 'protocol'; readonly protocol: number }
  | { readonly kind: 'net'; readonly side: Side; readonly cidr: Cidr }
  /** The address (hash:net, hash:ip) or the address, protocol and port (hash:ip,port) is a member of the named set. */
  | { readonly kind: 'set'; readonly side: Side; readonly set: string; readonly withPort?: boolean }
  /** At most 15 slots, of which a range takes two. Needs a protocol match with ports in the same rule. */
  | { readonly kind: 'ports'; readonly side: Side; readonly ports: readonly PortRange[] }
  /** ICMP for IPv4 tables, ICMPv6 for IPv6 tables. */
  | { readonly kind: 'icmp'; readonly type: number; readonly code?: number }
  /** A name, or a prefix followed by `+`. */
  | { readonly kind: 'in-interface' | 'out-interface'; readonly name: string }
  /** (packet mark AND mask) equals value. */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'conntrack'; readonly states: readonly ConntrackState[] }
  | {
      readonly kind: 'address-type'
      readonly side: Side
      readonly type: 'LOCAL'
      readonly limitToOutInterface?: boolean
    }
  /** The reverse path of the source address does not lead out of the interface it came in by (strict). */
  | { readonly kind: 'reverse-path-fails' }
  /** Cannot be negated. */
  | { readonly kind: 'limit'; readonly rate: string; readonly burst: number }
)
export type ConntrackState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'DNAT' | 'SNAT'

export type Action =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'notrack' }
  | { readonly kind: 'reject'; readonly with?: 'tcp-reset' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  /** Sets the bits of `mask` to `value` (value within mask); the other bits stay. */
  | { readonly kind: 'set-mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'log'; readonly prefix: string }
  | { readonly kind: 'masquerade'; readonly ports?: PortRange; readonly randomFully?: boolean }
  | { readonly kind: 'snat'; readonly to: Ip; readonly ports?: PortRange; readonly randomFully?: boolean }
  | { readonly kind: 'dnat'; readonly to: Ip; readonly port?: number }

export interface Rule {
  readonly match: readonly Match[]
  readonly action: Action
  /** For people reading the rule set; each becomes a comment, unsafe characters replaced by `_`. */
  readonly comments?: readonly string[]
}

/** "Chain X is exactly these rules." Names have at most 28 characters and a prefix of `ownership.ts`. */
export interface Chain {
  readonly name: string
  readonly rules: readonly Rule[]
}

/** Our rules in a chain of the kernel: `insert` stand before everybody else's, `append` after. */
export interface Hook {
  readonly chain: 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING'
  readonly insert: readonly Rule[]
  readonly append: readonly Rule[]
}

/** "Set X has exactly these members." */
export interface IpSet {
  /** At most 31 characters. */
  readonly name: string
  readonly type: 'hash:net' | 'hash:ip' | 'hash:ip,port'
  readonly ipVersion: IpVersion
  /** Canonical text: CIDR (host routes without suffix), IP, or `IP,tcp:PORT`. */
  readonly members: ReadonlySet<string>
  readonly maxElements?: number
}
