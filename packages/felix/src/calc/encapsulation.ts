/** Which pools are Felix's to route, and how. */
import { ipVersion } from '@calico-node/model'
import type { PoolInput } from './inputs.ts'
import type { TunnelKind } from './messages.ts'

/** What of the configuration decides about routes to other nodes. */
export interface RouteOptions {
  /** False: policy only, no routes at all. */
  readonly enabled: boolean
  readonly ipv6: boolean
  /** Undefined: as the pools say. */
  readonly ipip: boolean | undefined
  readonly vxlan: boolean | undefined
  /** Whether pools without encapsulation are Felix's too. */
  readonly plainPools: boolean
}

export interface PoolWay {
  /** Undefined: without encapsulation. */
  readonly tunnel: TunnelKind | undefined
  /** The tunnel is for nodes outside our own network only. */
  readonly crossSubnet: boolean
}

/**
 * How Felix carries packets to addresses of a pool; undefined where that is not its business. Pools with encapsulation always
 * are, because a stock BIRD cannot write their routes.
 */
export function wayOf({ spec }: PoolInput, options: RouteOptions): PoolWay | undefined {
  const version = ipVersion(spec.cidr)
  if (!options.enabled || (version === 6 && !options.ipv6)) return undefined
  if (spec.vxlanMode !== 'Never') {
    if (options.vxlan === false) return undefined
    return { tunnel: version === 4 ? 'vxlan' : 'vxlan-v6', crossSubnet: spec.vxlanMode === 'CrossSubnet' }
  }
  if (spec.ipipMode !== 'Never' && version === 4) {
    return options.ipip === false ? undefined : { tunnel: 'ipip', crossSubnet: spec.ipipMode === 'CrossSubnet' }
  }
  return options.plainPools ? { tunnel: undefined, crossSubnet: false } : undefined
}

/** The tunnels that this host takes part in. */
export function activeTunnels(pools: Iterable<PoolInput>, options: RouteOptions): ReadonlySet<TunnelKind> {
  if (!options.enabled) return new Set()
  const wanted = [...pools].flatMap((pool) => wayOf(pool, options)?.tunnel ?? [])
  const forced: TunnelKind[] = [
    ...(options.ipip === true ? ['ipip' as const] : []),
    ...(options.vxlan === true ? ['vxlan' as const] : []),
  ]
  return new Set([...wanted, ...forced])
}

export const TUNNEL_KINDS: readonly TunnelKind[] = ['vxlan', 'vxlan-v6', 'ipip']
export const tunnelVersion = (kind: TunnelKind): 4 | 6 => (kind === 'vxlan-v6' ? 6 : 4)
