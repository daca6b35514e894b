/**
 * Which tunnel addresses a node should have and what is to be done about each. Pure.
 *
 * A node has at most one address for each kind of tunnel. IPAM holds it under a handle of the kind and the node; the Node
 * resource names it. Either side is enough to find the other, so that a crash between two steps heals at the next run.
 */
import {
  cidrContains,
  ipVersion,
  isIpv4,
  type Cidr,
  type Ip,
  type IPPoolSpec,
  type Ipv4,
  type Ipv6,
  type IpVersion,
  type NodeResource,
  type NodeSpec,
} from '@calico-node/model'
import type { Allocation } from './block.ts'
import { selectsNode, type Pool } from './pools.ts'

export type TunnelKind = 'wireguard' | 'wireguardV6' | 'ipip' | 'vxlan' | 'vxlanV6'

interface Tunnel {
  readonly version: IpVersion
  /** Attribute `type` of the allocation. */
  readonly type: string
  readonly handlePrefix: string
  /** Whether a pool of the IP version that the node may use calls for such a tunnel. */
  readonly isWanted: (pool: IPPoolSpec, node: NodeResource) => boolean
  readonly address: (spec: NodeSpec) => Ip | undefined
  readonly withAddress: (spec: NodeSpec, ip: Ip | undefined) => NodeSpec
}

const hasKey = (key: string | undefined): boolean => key !== undefined && key !== ''
const v4 = (ip: Ip | undefined): Ipv4 | undefined => (ip !== undefined && isIpv4(ip) ? ip : undefined)
const v6 = (ip: Ip | undefined): Ipv6 | undefined => (ip !== undefined && !isIpv4(ip) ? ip : undefined)
/** A part of the Node that says nothing any more is left out. */
const unlessBare = <T extends object>(part: T): T | undefined =>
  Object.values(part).every((value) => value === undefined) ? undefined : part

const TUNNELS: Readonly<Record<TunnelKind, Tunnel>> = {
  wireguard: {
    version: 4,
    type: 'wireguardTunnelAddress',
    handlePrefix: 'wireguard-tunnel-addr-',
    isWanted: (_, { status }) => hasKey(status?.wireguardPublicKey),
    address: ({ wireguard }) => wireguard?.interfaceIPv4Address,
    withAddress: (spec, ip) => ({
      ...spec,
      wireguard: unlessBare({ ...spec.wireguard, interfaceIPv4Address: v4(ip) }),
    }),
  },
  wireguardV6: {
    version: 6,
    type: 'wireguardV6TunnelAddress',
    handlePrefix: 'wireguard-v6-tunnel-addr-',
    isWanted: (_, { status }) => hasKey(status?.wireguardPublicKeyV6),
    address: ({ wireguard }) => wireguard?.interfaceIPv6Address,
    withAddress: (spec, ip) => ({
      ...spec,
      wireguard: unlessBare({ ...spec.wireguard, interfaceIPv6Address: v6(ip) }),
    }),
  },
  ipip: {
    version: 4,
    type: 'ipipTunnelAddress',
    handlePrefix: 'ipip-tunnel-addr-',
    isWanted: ({ ipipMode }) => ipipMode !== 'Never',
    address: ({ bgp }) => bgp?.ipv4IPIPTunnelAddr,
    withAddress: (spec, ip) => ({ ...spec, bgp: unlessBare({ ...spec.bgp, ipv4IPIPTunnelAddr: v4(ip) }) }),
  },
  vxlan: {
    version: 4,
    type: 'vxlanTunnelAddress',
    handlePrefix: 'vxlan-tunnel-addr-',
    isWanted: ({ vxlanMode }) => vxlanMode !== 'Never',
    address: ({ ipv4VXLANTunnelAddr }) => ipv4VXLANTunnelAddr,
    withAddress: (spec, ip) => ({ ...spec, ipv4VXLANTunnelAddr: v4(ip) }),
  },
  vxlanV6: {
    version: 6,
    type: 'vxlanV6TunnelAddress',
    handlePrefix: 'vxlan-v6-tunnel-addr-',
    isWanted: ({ vxlanMode }) => vxlanMode !== 'Never',
    address: ({ ipv6VXLANTunnelAddr }) => ipv6VXLANTunnelAddr,
    withAddress: (spec, ip) => ({ ...spec, ipv6VXLANTunnelAddr: v6(ip) }),
  },
}

/** In the order in which addresses are handed out. */
export const TUNNEL_KINDS: readonly TunnelKind[] = ['wireguard', 'wireguardV6', 'ipip', 'vxlan', 'vxlanV6']

/** How the address of a node's tunnel stands in IPAM. */
export const tunnelHandle = (kind: TunnelKind, node: string): string => `${TUNNELS[kind].handlePrefix}${node}`
export const tunnelVersion = (kind: TunnelKind): IpVersion => TUNNELS[kind].version
export const tunnelAttributes = (kind: TunnelKind, node: string): { readonly node: string; readonly type: string } => ({
  node,
  type: TUNNELS[kind].type,
})
export const isForTunnel = ({ attributes }: Allocation): boolean =>
  TUNNEL_KINDS.some((kind) => TUNNELS[kind].type === attributes['type'])

/** The address that the Node names. */
export const tunnelAddress = (kind: TunnelKind, { spec }: NodeResource): Ip | undefined => TUNNELS[kind].address(spec)

export const withTunnelAddress = (node: NodeResource, kind: TunnelKind, ip: Ip | undefined): NodeResource => ({
  ...node,
  spec: TUNNELS[kind].withAddress(node.spec, ip),
})

export interface TunnelOptions {
  /** Whether WireGuard also carries traffic of the hosts themselves: then its device needs no address of a pool. */
  readonly wireguardHostEncryption?: boolean
}

/** The pools that give the node an address for this kind of tunnel; none: the node has no such tunnel. */
export function tunnelPools(kind: TunnelKind, pools: readonly Pool[], node: NodeResource, opts: TunnelOptions): Cidr[] {
  const { version, isWanted } = TUNNELS[kind]
  if (opts.wireguardHostEncryption === true && kind.startsWith('wireguard')) return []
  return pools
    .filter(({ spec }) => ipVersion(spec.cidr) === version && spec.disabled !== true && isWanted(spec, node))
    .filter(({ spec: { allowedUses } }) => allowedUses.length === 0 || allowedUses.includes('Tunnel'))
    .filter((pool) => selectsNode(pool, node.metadata.labels ?? {}))
    .map(({ spec }) => spec.cidr)
}

/** What to do about one kind of tunnel. Whatever else its handle holds is released at the end. */
export type TunnelStep =
  /** No tunnel of this kind: the Node names no address. */
  | { readonly kind: 'none' }
  | { readonly kind: 'keep'; readonly ip: Ip }
  | { readonly kind: 'assign' }
  /** The address of a time before handles: release it and take the same one again, under the handle. */
  | { readonly kind: 'adopt'; readonly ip: Ip }

export interface TunnelState {
  readonly tunnel: TunnelKind
  readonly node: string
  /** The pools that give such addresses to the node. */
  readonly pools: readonly Cidr[]
  /** The address that the Node names. */
  readonly current: Ip | undefined
  /** Who holds that address in IPAM. */
  readonly holder: Allocation | undefined
}

export function planTunnel({ tunnel, node, pools, current, holder }: TunnelState): TunnelStep {
  if (pools.length === 0) return { kind: 'none' }
  const inPools = current !== undefined && pools.some((cidr) => cidrContains(cidr, current))
  if (!inPools || holder === undefined) return { kind: 'assign' }
  const wanted = tunnelAttributes(tunnel, node)
  const { attributes, handle } = holder
  if (attributes['node'] === wanted.node && attributes['type'] === wanted.type) return { kind: 'keep', ip: current }
  const isAnonymous = handle === undefined && Object.keys(attributes).length === 0
  return isAnonymous ? { kind: 'adopt', ip: current } : { kind: 'assign' }
}
