/**
 * Routes of the main table.
 *
 * Goal: the kernel holds exactly the wanted routes among those that are ours (`ownsRoute`), and a route that the kernel refuses
 * never holds up another. Several owners may want one destination; the class of the owner decides (`ROUTE_CLASSES`), losers are
 * kept and take over.
 *
 * Trade-offs: a wanted route replaces a foreign route of the same destination and metric, since a workload that moved here must
 * not wait for another program to let go of its address. An unknown route on a workload interface is left alone for a grace
 * period: a plugin may have made it before we hear of the workload.
 *
 * Restart: nothing is remembered. Our routes are known by protocol 80, or by any protocol on a workload or VXLAN device; those
 * that equal the wanted ones are not written again. After the grace period the rest is swept.
 */
import { backoffMs, CalicoError, type Logger } from '@calico-node/core'
import { cidrBase, cidrPrefixLength, type Cidr, type Ip } from '@calico-node/model'
import { IpBatch } from './ip-batch.ts'
import { listLinks, listRoutes, saysAbsent } from './links.ts'
import {
  DEFAULT_ROUTE_OWNERSHIP,
  isWorkloadDevice,
  ownsRoute,
  ROUTE_PROTOCOL,
  routeClassRank,
  type RouteOwnership,
} from './ownership.ts'
import type { Conntrack, Route, Routes } from './ports.ts'
import { asKernel, matchesKernel, removalWords, routeWords, sameSlot } from './route-text.ts'
import type { KernelRoute } from './ip-json.ts'
import type { IpVersion } from './rules/types.ts'

export interface RoutesOptions {
  readonly ipVersion: IpVersion
  readonly log: Logger
  readonly ownership?: Partial<RouteOwnership>
  /** Flows of an address are deleted before its route leaves a workload interface for another. Default: they are kept. */
  readonly conntrack?: Conntrack
  /** How long an unknown route on a workload interface is left alone. Default 10 000. */
  readonly graceMs?: number
  /** Told how long a read-back of all routes, or the wait for tracked flows to go, took. */
  readonly onTime?: (what: 'read' | 'flush', tookMs: number) => void
  /** Shared writer. Default: one of its own. */
  readonly ip?: IpBatch
}

export function createRoutes(opts: RoutesOptions): Routes {
  return new KernelRoutes(opts)
}

/** One command and its effect on the routes of `dst`: this one is gone, or this one has taken the place of its like. */
type Change = { readonly dst: Cidr; readonly command: string } & (
  | { readonly kind: 'remove'; readonly route: KernelRoute }
  | { readonly kind: 'replace'; readonly route: Route }
)

/** A command that the kernel refused, and the interface of its route. */
interface Failure {
  readonly text: string
  readonly dev: string | undefined
}

/** What one pass writes, in this order: removals, then the flush of moved addresses, then routes, then what they replaced. */
interface Plan {
  readonly removals: Change[]
  readonly flushes: Ip[]
  readonly replacements: Change[]
  readonly leftovers: Change[]
}

class KernelRoutes implements Routes {
  readonly ipVersion: IpVersion
  readonly #log: Logger
  readonly #ownership: RouteOwnership
  readonly #conntrack: Conntrack | undefined
  readonly #graceMs: number
  readonly #ip: IpBatch
  readonly #onTime: RoutesOptions['onTime']
  readonly #owners = new Map<string, readonly Route[]>()
  readonly #candidates = new Map<Cidr, Map<string, Route>>()
  readonly #dirty = new Set<Cidr>()
  /** Ours as last read and written; undefined = read back first. */
  #actual: Map<Cidr, KernelRoute[]> | undefined
  /** The device of each host route that stood as wanted: says which addresses moved even when the kernel dropped the route. */
  readonly #placed = new Map<Cidr, string>()
  readonly #firstSeen = new Map<string, number>()
  #graceEnds = Infinity
  #failures = 0
  #retryAt = Infinity

  constructor({ ipVersion, log, ownership, conntrack, graceMs = 10_000, ip = new IpBatch(), onTime }: RoutesOptions) {
    this.ipVersion = ipVersion
    this.#log = log.child({ component: 'routes', ipVersion })
    this.#ownership = { ...DEFAULT_ROUTE_OWNERSHIP, ...ownership }
    this.#conntrack = conntrack
    this.#graceMs = graceMs
    this.#ip = ip
    this.#onTime = onTime
  }

  setRoutes(owner: string, routes: readonly Route[]): void {
    for (const { dst } of this.#owners.get(owner) ?? []) {
      this.#candidates.get(dst)?.delete(owner)
      this.#dirty.add(dst)
    }
    if (routes.length === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, routes)
    for (const route of routes) {
      const candidates = this.#candidates.get(route.dst) ?? new Map<string, Route>()
      this.#candidates.set(route.dst, candidates.set(owner, route))
      this.#dirty.add(route.dst)
    }
  }

  queueResync(): void {
    this.#actual = undefined
    this.#ip.renew()
  }

  dueInMs(): number | undefined {
    const at = Math.min(this.#graceEnds, this.#retryAt)
    return at === Infinity ? undefined : Math.max(0, at - performance.now())
  }

  async apply(): Promise<void> {
    const now = performance.now()
    if (now >= this.#graceEnds || now >= this.#retryAt) this.#actual = undefined
    if (this.#actual !== undefined && this.#dirty.size === 0) return
    try {
      const failed = await this.#converge()
      if (failed.length > 0) throw applyError(failed)
      this.#failures = 0
      this.#retryAt = Infinity
    } catch (err) {
      this.#actual = undefined
      this.#retryAt = performance.now() + backoffMs(this.#failures++, { baseMs: 1000 })
      throw err
    }
  }

  counts(): { routes: number; interfaces: number } {
    const routes = [...(this.#actual?.values() ?? [])].flat()
    return { routes: routes.length, interfaces: new Set(routes.map(({ dev }) => dev)).size }
  }

  async #timed<T>(what: 'read' | 'flush', work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    const result = await work()
    this.#onTime?.(what, performance.now() - start)
    return result
  }

  async #converge(): Promise<readonly Failure[]> {
    const actual = (this.#actual ??= await this.#timed('read', () => this.#read()))
    const destinations = [...this.#dirty]
    const plan = await this.#plan(destinations, actual)
    this.#dirty.clear()
    const failed = [...(await this.#write(plan.removals, actual))]
    if (plan.flushes.length > 0) await this.#timed('flush', async () => this.#conntrack?.flush(plan.flushes))
    failed.push(...(await this.#write(plan.replacements, actual)), ...(await this.#write(plan.leftovers, actual)))
    const changes = plan.replacements.length + plan.removals.length + plan.leftovers.length
    if (changes > 0) {
      this.#log.debug('Routes applied', {
        set: plan.replacements.length,
        removed: plan.removals.length + plan.leftovers.length,
        failed: failed.length,
      })
    }
    return failed
  }

  /** Everything that stands or is wanted becomes dirty: the diff is made anew. */
  async #read(): Promise<Map<Cidr, KernelRoute[]>> {
    const actual = new Map<Cidr, KernelRoute[]>()
    const seen = new Set<string>()
    this.#graceEnds = Infinity
    for (const route of await listRoutes(this.ipVersion)) {
      if (!ownsRoute(route, this.#ownership)) continue
      seen.add(graceKey(route))
      const list = actual.get(route.dst)
      if (list === undefined) actual.set(route.dst, [route])
      else list.push(route)
    }
    for (const dst of this.#candidates.keys()) this.#dirty.add(dst)
    for (const dst of actual.keys()) this.#dirty.add(dst)
    for (const key of this.#firstSeen.keys()) if (!seen.has(key)) this.#firstSeen.delete(key)
    return actual
  }

  async #plan(destinations: readonly Cidr[], actual: ReadonlyMap<Cidr, readonly KernelRoute[]>): Promise<Plan> {
    const plan: Plan = { removals: [], flushes: [], replacements: [], leftovers: [] }
    const indexOf = await this.#interfaceIndexes(destinations)
    for (const dst of destinations) {
      const wanted = this.#winner(dst, indexOf)
      const standing = actual.get(dst) ?? []
      if (wanted === undefined) this.#planRemoval(dst, standing, plan)
      else this.#planRoute(wanted, standing, plan)
    }
    return plan
  }

  #planRemoval(dst: Cidr, standing: readonly KernelRoute[], plan: Plan): void {
    const unwanted = standing.filter((route) => !this.#inGrace(route))
    for (const route of unwanted) plan.removals.push(removal(route))
    const dev = this.#placed.get(dst)
    if (dev === undefined || unwanted.length < standing.length) return
    this.#placed.delete(dst)
    // Nobody waits for this one: a new route for the address would ask for its own flush.
    if (this.#isWorkload(dev)) void this.#conntrack?.flush([cidrBase(dst)])
  }

  #planRoute(wanted: Route, standing: readonly KernelRoute[], plan: Plan): void {
    const { dst, dev } = wanted
    const stands = standing.some((route) => matchesKernel(wanted, route))
    const others = standing.filter((route) => !sameSlot(wanted, route) && !this.#inGrace(route))
    const from = this.#placed.get(dst) ?? standing.find((route) => sameSlot(wanted, route))?.dev
    const moved =
      !stands &&
      isHostRoute(dst) &&
      from !== undefined &&
      from !== dev &&
      (this.#isWorkload(from) || this.#isWorkload(dev))
    if (moved && this.#conntrack !== undefined) {
      plan.flushes.push(cidrBase(dst))
      for (const route of standing) plan.removals.push(removal(route))
    } else {
      for (const route of others) plan.leftovers.push(removal(route))
    }
    if (!stands) plan.replacements.push(replacement(wanted))
    else if (isHostRoute(dst) && dev !== undefined) this.#placed.set(dst, dev)
  }

  async #write(changes: readonly Change[], actual: Map<Cidr, KernelRoute[]>): Promise<readonly Failure[]> {
    const results = await this.#ip.run(changes.map(({ command }) => command))
    const failed: Failure[] = []
    for (const [position, change] of changes.entries()) {
      const { dst, command, kind, route } = change
      const reason = results[position]
      if (reason !== undefined && !(kind === 'remove' && saysAbsent(reason))) {
        failed.push({ text: `${command}: ${reason}`, dev: route.dev })
        this.#dirty.add(dst)
        continue
      }
      const others = (actual.get(dst) ?? []).filter((each) =>
        kind === 'remove' ? each !== route : !sameSlot(route, each),
      )
      const standing = kind === 'remove' ? others : [...others, asKernel(route)]
      if (standing.length === 0) actual.delete(dst)
      else actual.set(dst, standing)
      if (kind === 'replace' && isHostRoute(dst) && route.dev !== undefined) this.#placed.set(dst, route.dev)
    }
    return failed
  }

  #winner(dst: Cidr, indexOf: ReadonlyMap<string, number>): Route | undefined {
    const candidates = this.#candidates.get(dst)
    if (candidates === undefined || candidates.size === 0) {
      this.#candidates.delete(dst)
      return undefined
    }
    if (candidates.size === 1) return candidates.values().next().value
    const [best] = [...candidates].toSorted(
      ([a, routeA], [b, routeB]) =>
        routeClassRank(a) - routeClassRank(b) ||
        (indexOf.get(routeB.dev ?? '') ?? 0) - (indexOf.get(routeA.dev ?? '') ?? 0) ||
        (a < b ? -1 : 1),
    )
    return best?.[1]
  }

  /** Read only when two owners compete. */
  async #interfaceIndexes(destinations: readonly Cidr[]): Promise<ReadonlyMap<string, number>> {
    if (!destinations.some((dst) => (this.#candidates.get(dst)?.size ?? 0) > 1)) return new Map()
    return new Map((await listLinks()).map(({ name, index }) => [name, index]))
  }

  /** Whether an unwanted route may yet turn out to be a workload's that we have not heard of. */
  #inGrace(route: KernelRoute): boolean {
    const { dst, dev, protocol } = route
    if (protocol === ROUTE_PROTOCOL || !this.#isWorkload(dev) || this.#placed.get(dst) === dev) return false
    const key = graceKey(route)
    const seen = this.#firstSeen.get(key) ?? performance.now()
    this.#firstSeen.set(key, seen)
    const ends = seen + this.#graceMs
    if (performance.now() >= ends) return false
    this.#graceEnds = Math.min(this.#graceEnds, ends)
    return true
  }

  #isWorkload(dev: string | undefined): boolean {
    return dev !== undefined && isWorkloadDevice(dev, this.#ownership.workloadPrefixes)
  }
}

const graceKey = ({ dst, metric, dev }: KernelRoute): string => `${dst} ${metric} ${dev}`

const isHostRoute = (dst: Cidr): boolean => cidrPrefixLength(dst) === (dst.includes(':') ? 128 : 32)

const removal = (route: KernelRoute): Change => {
  return { kind: 'remove', dst: route.dst, command: `route delete ${removalWords(route).join(' ')}`, route }
}

const replacement = (route: Route): Change => {
  return { kind: 'replace', dst: route.dst, command: `route replace ${routeWords(route).join(' ')}`, route }
}

function applyError(failures: readonly Failure[]): CalicoError {
  const failed = failures.map(({ text }) => text)
  const interfaces = [...new Set(failures.flatMap(({ dev }) => dev ?? []))]
  const cause = new AggregateError(
    failed.map((each) => new Error(each)),
    failed.slice(0, 3).join('; '),
  )
  return new CalicoError('APPLY_FAILED', `Cannot apply ${failed.length} route(s)`, {
    context: { failed, interfaces },
    cause,
  })
}
