/**
 * Which tunnel addresses a node should have and what is to be done about each. Pure.
 *
 * A node has at most one address for each kind of tunnel. IPAM holds it under a handle of the kind and the node; the Node
 * resource names it. The two are brought in line from either side, so that a crash between two steps heals at the next run.
 */
import {
  cidrContains, ipVersion, type Cidr, type Ip, type IpVersion, type NodeName, type Resource,
} from '@calico-node/model'
import type { Allocation } from './block.ts'
import { selectsNode, type Pool } from './pools.ts'

export type TunnelKind = 'wireguard' | 'wireguardV6' | 'ipip' | 'vxlan' | 'vxlanV6'

interface TunnelFacts {
  readonly version: IpVersion
  /** Attribute `type` of the allocation. */
  readonly type: string
  readonly handlePrefix: string
}

/** In the order in which addresses are handed out. */
export const TUNNELS: Readonly<Record<TunnelKind, TunnelFacts>> = {
  wireguard: { version: 4, type: 'wireguardTunnelAddress', handlePrefix: 'wireguard-tunnel-addr-' },
  wireguardV6: { version: 6, type: 'wireguardV6TunnelAddress', handlePrefix: 'wireguard-v6-tunnel-addr-' },
  ipip: { version: 4, type: 'ipipTunnelAddress', handlePrefix: 'ipip-tunnel-addr-' },
  vxlan: { version: 4, type: 'vxlanTunnelAddress', handlePrefix: 'vxlan-tunnel-addr-' },
  vxlanV6: { version: 6, type: 'vxlanV6TunnelAddress', handlePrefix: 'vxlan-v6-tunnel-addr-' },
}
export const TUNNEL_KINDS: readonly TunnelKind[] = ['wireguard', 'wireguardV6', 'ipip', 'vxlan', 'vxlanV6']

export const tunnelHandle = (kind: TunnelKind, node: string): string => `${TUNNELS[kind].handlePrefix}${node}`

export const tunnelAttributes = (kind: TunnelKind, node: string): { readonly node: string; readonly type: string } => ({
  node, type: TUNNELS[kind].type,
})

type NodeResource = Resource<'Node'>

/** The pools that give the node an address for this kind of tunnel; none: the node has no such tunnel. */
export function tunnelPools(
  kind: TunnelKind, pools: readonly Pool[], node: NodeResource, opts: { readonly wireguardHostEncryption: boolean },
): Cidr[] {
  const { version } = TUNNELS[kind]
  return pools.filter(({ spec }) => ipVersion(spec.cidr) === version && spec.disabled !== true)
    .filter(({ spec }) => spec.allowedUses.length === 0 || spec.allowedUses.includes('Tunnel'))
    .filter((pool) => selectsNode(pool, node.metadata.labels ?? {}))
    .filter(({ spec }) => {
      switch (kind) {
        case 'ipip': return spec.ipipMode !== 'Never'
        case 'vxlan':
        case 'vxlanV6': return spec.vxlanMode !== 'Never'
        case 'wireguard': return hasKey(node.status?.wireguardPublicKey) && !opts.wireguardHostEncryption
        case 'wireguardV6': return hasKey(node.status?.wireguardPublicKeyV6) && !opts.wireguardHostEncryption
      }
    })
    .map(({ spec }) => spec.cidr)
}

const hasKey = (key: string | undefined): boolean => key !== undefined && key !== ''

export function tunnelAddress(kind: TunnelKind, { spec }: NodeResource): Ip | undefined {
  switch (kind) {
    case 'ipip': return spec.bgp?.ipv4IPIPTunnelAddr
    case 'vxlan': return spec.ipv4VXLANTunnelAddr
    case 'vxlanV6': return spec.ipv6VXLANTunnelAddr
    case 'wireguard': return spec.wireguard?.interfaceIPv4Address
    case 'wireguardV6': return spec.wireguard?.interfaceIPv6Address
  }
}

/** What to do about one kind of tunnel. Whatever else its handle holds is released at the end. */
export type TunnelStep =
  /** No tunnel of this kind: the Node names no address. */
  | { readonly kind: 'none' }
  | { readonly kind: 'keep'; readonly ip: Ip }
  | { readonly kind: 'assign' }
  /** The address of a time before handles: release it and take the same one again, under the handle. */
  | { readonly kind: 'adopt'; readonly ip: Ip }

/**
 * @param current The address that the Node names.
 * @param holder Who holds that address in IPAM.
 */
export function planTunnel(
  tunnel: TunnelKind, node: NodeName, pools: readonly Cidr[], current: Ip | undefined, holder: Allocation | undefined,
): TunnelStep {
  if (pools.length === 0) return { kind: 'none' }
  if (current === undefined || holder === undefined) return { kind: 'assign' }
  const inPools = pools.some((cidr) => cidrContains(cidr, current))
  const wanted = tunnelAttributes(tunnel, node)
  const ours = holder.attributes['node'] === wanted.node && holder.attributes['type'] === wanted.type
  if (ours) return inPools ? { kind: 'keep', ip: current } : { kind: 'assign' }
  const anonymous = holder.handle === undefined && Object.keys(holder.attributes).length === 0
  return anonymous && inPools ? { kind: 'adopt', ip: current } : { kind: 'assign' }
}
