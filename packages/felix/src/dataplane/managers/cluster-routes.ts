import { type LinkEvent, type Route, TUNNEL_DEVICES } from '@calico-node/linux'
import { type Cidr, cidrBase, cidrPrefixLength, ipVersion } from '@calico-node/model'
import type { CalcMessage, RouteTarget, TunnelKind } from '../../calc/messages.ts'
import type { HostLinks } from '../host-links.ts'
import { Lingering } from '../lingering.ts'
import type { DataplaneOp } from '../ops.ts'
import { tunnelMtu } from '../tunnel-mtu.ts'
import type { Manager } from './manager.ts'

export interface ClusterRouteContext {
  readonly links: HostLinks
  readonly protocol: number
  /** MTU of each tunnel device as configured; 0 = what the host allows. */
  readonly mtuBytes: Readonly<Record<TunnelKind, number>>
  /** Monotonic clock in milliseconds. */
  readonly now: () => number
}

/** So long BIRD has to write its route when a pool becomes its own; ours goes on leading there. */
const LINGER_MS = 10_000
/** So long other hosts have to build a tunnel that was not there before; less than what a route replaces lingers. */
const ARRIVAL_MS = 3000

/**
 * Routes to what other hosts have, one a destination. A route whose target changes is replaced at once; one that is not wanted
 * any more lingers, because somebody else may be about to take it over. A tunnel that comes into use while Felix runs is used
 * a little later: each host learns of it by itself, and one that does not have it yet drops what comes through it.
 */
export class ClusterRouteManager implements Manager {
  readonly #context: ClusterRouteContext
  readonly #targets: Lingering<Cidr, RouteTarget>
  readonly #dirty = new Set<Cidr>()
  /** Targets that have been told and not been set. */
  readonly #told = new Map<Cidr, RouteTarget>()
  readonly #usableAt = new Map<TunnelKind, number>()
  #isStart = true
  #linksDirty = false

  constructor(context: ClusterRouteContext) {
    this.#context = context
    this.#targets = new Lingering({ lingerMs: LINGER_MS, now: context.now })
  }

  onMessage(message: CalcMessage): void {
    switch (message.kind) {
      case 'route.update':
        this.#told.set(message.dst, message.target)
        break
      case 'route.remove':
        this.#told.delete(message.dst)
        this.#targets.release(message.dst)
        break
      case 'tunnel.update':
        return this.#arrive(message.tunnel.kind)
      case 'tunnel.remove':
        this.#usableAt.delete(message.tunnel)
        break
      case 'in-sync':
        this.#isStart = false
        break
      default:
        break
    }
  }

  /** What was there before this Felix is in use already. */
  #arrive(kind: TunnelKind): void {
    if (this.#usableAt.has(kind)) return
    this.#usableAt.set(kind, this.#isStart ? 0 : this.#context.now() + ARRIVAL_MS)
  }

  #usableInMs(target: RouteTarget): number {
    const at = target.kind === 'tunnel' ? this.#usableAt.get(target.tunnel) : undefined
    return Math.max(0, (at ?? 0) - this.#context.now())
  }

  /** The kernel drops the routes of a device that goes down, and which interface is the way may change. */
  onLink(event: LinkEvent): void {
    if (this.#context.links.concerns(event)) this.#linksDirty = true
  }

  dueInMs(): number | undefined {
    let due = this.#targets.dueInMs()
    for (const target of this.#told.values()) due = Math.min(due ?? Number.POSITIVE_INFINITY, this.#usableInMs(target))
    return due
  }

  takeOps(): readonly DataplaneOp[] {
    for (const [dst, target] of this.#told) {
      if (this.#usableInMs(target) > 0) continue
      this.#told.delete(dst)
      this.#targets.set(dst, target)
      this.#dirty.add(dst)
    }
    const expired = this.#targets.takeExpired()
    if (this.#linksDirty) for (const dst of this.#targets.keys()) this.#dirty.add(dst)
    this.#linksDirty = false
    for (const dst of expired) this.#dirty.add(dst)
    const ops = [...this.#dirty].map((dst): DataplaneOp => {
      const target = this.#targets.get(dst)
      const route = target && clusterRoute(dst, target, this.#context)
      return {
        kind: 'routes.set',
        ipVersion: ipVersion(dst),
        owner: `cluster ${dst}`,
        routes: route === undefined ? [] : [route],
      }
    })
    this.#dirty.clear()
    return ops
  }
}

/**
 * IPv6 routes without a metric get 1024, which is what BIRD gives its own. One better lets both stand while a pool changes
 * hands; IPv4 routes without one are better anyway.
 */
const IPV6_METRIC = 1023

/** Undefined while the interface that it needs is not there. */
export function clusterRoute(
  dst: Cidr,
  target: RouteTarget,
  { links, protocol, mtuBytes }: ClusterRouteContext,
): Route | undefined {
  const base = { dst, protocol, ...(ipVersion(dst) === 6 && { metric: IPV6_METRIC }) }
  if (target.kind === 'blackhole') return { ...base, kind: 'blackhole', scope: 'global' }
  const { gateway } = target
  if (target.kind === 'direct') {
    const dev = links.holderOf(target.nodeIp)
    return dev?.operUp === true
      ? { ...base, kind: 'unicast', dev: dev.name, via: gateway, onlink: true, scope: 'global' }
      : undefined
  }
  const dev = TUNNEL_DEVICES[target.tunnel]
  if (!links.isUp(dev)) return undefined
  const isGateway = isHost(dst) && cidrBase(dst) === gateway
  if (isGateway && target.tunnel !== 'ipip') return { ...base, kind: 'unicast', dev, scope: 'link' }
  const mtu = target.tunnel === 'ipip' ? { mtu: tunnelMtu('ipip', mtuBytes.ipip, links.mtuBytes()).mtuBytes } : {}
  return { ...base, kind: 'unicast', dev, via: gateway, onlink: true, scope: 'global', ...mtu }
}

const isHost = (cidr: Cidr): boolean => cidrPrefixLength(cidr) === (ipVersion(cidr) === 4 ? 32 : 128)
