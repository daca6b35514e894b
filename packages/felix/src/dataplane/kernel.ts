/**
 * The kernel as Felix sees it: all drivers, and the one order in which they act.
 *
 * ```
 * 1 sets made and filled            referents before the rules that name them
 * 2 rules, all tables of a version  policy before reachability
 * 3 forwarding of the host          (once, after the first rules stand)
 * 4 interface settings
 * 5 tunnel devices
 * 6 neighbours and forwarding       a way is whole before a route leads over it
 * 7 routes                          only while sets and rules of that IP version stand
 * 8 what is left over               sets that no rule names, neighbours that no route leads over
 * ```
 * One failing driver never stops the others, except where going on would open a door: without rules there are no new routes.
 */
import { assertNever, type Logger } from '@calico-node/core'
import type {
  Driver,
  Entries,
  ForwardingEntry,
  IpSets,
  IpVersion,
  Neighbour,
  RuleHint,
  Routes,
  RuleTable,
  Table,
  TunnelDevices,
} from '@calico-node/linux'
import type { HostSettings } from './host-settings.ts'
import type { InterfaceSettings } from './interface-settings.ts'
import type { FamilyCounts } from '../status/driver-metrics.ts'
import type { ProblemSink } from '../status/problems.ts'
import type { PassOutcome } from './managers/manager.ts'
import type { DataplaneOp } from './ops.ts'
import type { ResyncTarget } from './resync.ts'
import { type Failure, Supervised } from './supervised.ts'
import type { WorkloadMtuFile } from './workload-mtu.ts'

/** Drivers of one IP version. */
export interface FamilyDrivers {
  readonly version: IpVersion
  readonly sets: IpSets
  readonly tables: Readonly<Record<Table, RuleTable>>
  readonly routes: Routes
}

export interface KernelDrivers {
  readonly families: readonly FamilyDrivers[]
  readonly tunnels: TunnelDevices
  readonly neighbours: Entries<Neighbour>
  readonly forwarding: Entries<ForwardingEntry>
  readonly interfaces: InterfaceSettings
  readonly host: HostSettings
  readonly workloadMtu: WorkloadMtuFile
}

export interface KernelOptions {
  readonly log: Logger
  /** Monotonic clock in milliseconds. */
  readonly now: () => number
  /** Takes what managers have to say to people. */
  readonly problems: ProblemSink
}

const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const satisfies readonly Table[]

/** The second half of a driver that removes in a step of its own. */
const deletionsOf = (driver: Driver & { applyDeletions(signal?: AbortSignal): Promise<void> }): Driver => ({
  apply: (signal) => driver.applyDeletions(signal),
  queueResync: () => undefined,
  dueInMs: () => driver.dueInMs?.(),
})

/** Entries of the kernel that make up the ways to others, supervised. */
class Adjacencies {
  readonly entries: Supervised
  readonly deletions: Supervised

  constructor(driver: Entries<Neighbour> | Entries<ForwardingEntry>, what: string, supervise: Supervise) {
    this.entries = supervise(driver, what)
    this.deletions = supervise(deletionsOf(driver), `${what} to remove`)
  }
}

type Supervise = (driver: Driver, what: string) => Supervised

/** The drivers of one IP version, each supervised. */
class Family {
  readonly drivers: FamilyDrivers
  readonly sets: Supervised
  readonly setDeletions: Supervised
  readonly tables: Readonly<Record<Table, Supervised>>
  readonly routes: Supervised

  constructor(drivers: FamilyDrivers, supervise: Supervise) {
    const ip = `IPv${drivers.version}`
    this.drivers = drivers
    this.sets = supervise(drivers.sets, `${ip} sets`)
    this.setDeletions = supervise(deletionsOf(drivers.sets), `${ip} set deletions`)
    const table = (name: Table): Supervised => supervise(drivers.tables[name], `${ip} ${name} rules`)
    this.tables = { raw: table('raw'), mangle: table('mangle'), nat: table('nat'), filter: table('filter') }
    this.routes = supervise(drivers.routes, `${ip} routes`)
  }

  all(): Supervised[] {
    return [this.sets, ...TABLES.map((name) => this.tables[name]), this.routes, this.setDeletions]
  }

  /** Nobody may become reachable before this holds. NAT does not decide who may talk to whom. */
  policyStands(): boolean {
    const { raw, mangle, filter } = this.tables
    return [this.sets, raw, mangle, filter].every(({ stands }) => stands)
  }

  /** Nothing names a removed set any more. */
  rulesStand(): boolean {
    return TABLES.every((name) => this.tables[name].stands)
  }

  /** Those that nothing else holds back. */
  free(): Supervised[] {
    return [
      this.sets,
      ...TABLES.map((name) => this.tables[name]),
      ...(this.policyStands() ? [this.routes] : []),
      ...(this.rulesStand() ? [this.setDeletions] : []),
    ]
  }
}

export class Kernel {
  readonly #families: readonly Family[]
  readonly #drivers: KernelDrivers
  readonly #tunnels: Supervised
  readonly #adjacencies: readonly Adjacencies[]
  readonly #interfaces: Supervised
  readonly #host: Supervised
  readonly #workloadMtu: Supervised
  readonly #problems: ProblemSink

  constructor(drivers: KernelDrivers, { log, now, problems }: KernelOptions) {
    const supervise: Supervise = (driver, what) => new Supervised(driver, { what, log, now })
    this.#drivers = drivers
    this.#families = drivers.families.map((family) => new Family(family, supervise))
    this.#tunnels = supervise(drivers.tunnels, 'tunnel devices')
    this.#adjacencies = [
      new Adjacencies(drivers.neighbours, 'neighbours', supervise),
      new Adjacencies(drivers.forwarding, 'forwarding entries', supervise),
    ]
    this.#interfaces = supervise(drivers.interfaces, 'interface settings')
    this.#host = supervise(drivers.host, 'host settings')
    this.#workloadMtu = supervise(drivers.workloadMtu, 'MTU of workloads')
    this.#problems = problems
  }

  /** Notes what is wanted; nothing happens before `apply`. */
  accept(op: DataplaneOp): void {
    const { families, tunnels, neighbours, forwarding, interfaces, workloadMtu } = this.#drivers
    // ops of a version that is switched off mean nothing
    const family = (version: IpVersion): FamilyDrivers | undefined => families.find((each) => each.version === version)
    switch (op.kind) {
      case 'ip-set.set':
        return family(op.set.ipVersion)?.sets.setIpSet(op.set)
      case 'ip-set.change':
        family(op.ipVersion)?.sets.removeMembers(op.name, op.removed)
        return family(op.ipVersion)?.sets.addMembers(op.name, op.added)
      case 'ip-set.remove':
        return family(op.ipVersion)?.sets.removeIpSet(op.name)
      case 'chain.set':
        return family(op.ipVersion)?.tables[op.table].setChain(op.chain)
      case 'chain.remove':
        return family(op.ipVersion)?.tables[op.table].removeChain(op.name)
      case 'hook.set':
        return family(op.ipVersion)?.tables[op.table].setHook(op.hook)
      case 'routes.set':
        return family(op.ipVersion)?.routes.setRoutes(op.owner, op.routes)
      case 'tunnel.set':
        return tunnels.setDevice(op.device)
      case 'tunnel.remove':
        return tunnels.removeDevice(op.name)
      case 'neighbours.set':
        return neighbours.set(op.owner, op.entries)
      case 'forwarding.set':
        return forwarding.set(op.owner, op.entries)
      case 'workload-mtu.set':
        return workloadMtu.set(op.mtuBytes)
      case 'problem.set':
        return op.reason === undefined ? this.#problems.clear(op.id) : this.#problems.raise(op.id, op.reason)
      case 'interface.set':
        return interfaces.set(op.name, op.sysctls)
      case 'interface.reset':
        for (const driver of [...families.map(({ routes }) => routes), tunnels, neighbours, forwarding])
          driver.queueResync()
        return undefined
      default:
        return assertNever(op)
    }
  }

  /** The next `apply` reads these back first. */
  queueResync(target: ResyncTarget): void {
    for (const family of this.#families) {
      if (target === 'sets') family.sets.queueResync()
      if (target === 'routes') family.routes.queueResync()
    }
    if (target === 'routes') for (const each of this.#ofAllVersions()) each.queueResync()
  }

  /** What is heard of changes of rules by others. */
  hint(hint: RuleHint): void {
    for (const { version, tables } of this.#drivers.families) {
      for (const name of TABLES) {
        if (hint.kind === 'watch') tables[name].watchedBy?.(hint.by)
        else if (hint.place === undefined || (hint.place.ipVersion === version && hint.place.table === name))
          tables[name].hint?.()
      }
    }
  }

  /** Milliseconds until `apply` is wanted although nothing changed; undefined = it is not. */
  dueInMs(): number | undefined {
    const others = this.#ofAllVersions().filter((each) => each !== this.#host || this.#policyStands())
    const free = [...this.#families.flatMap((family) => family.free()), ...others]
    const wishes = free.map((each) => each.dueInMs()).filter((wish) => wish !== undefined)
    return wishes.length === 0 ? undefined : Math.min(...wishes)
  }

  /** What stands, as far as known. */
  counts(): FamilyCounts[] {
    return this.#families.map(({ drivers: { version, sets, tables, routes } }) => ({
      version,
      sets: sets.counts(),
      tables: TABLES.map((table) => ({ table, ...tables[table].counts() })),
      routes: routes.counts(),
    }))
  }

  /** What could not be applied. */
  failures(): Failure[] {
    return this.#all()
      .map(({ failure }) => failure)
      .filter((failure) => failure !== undefined)
  }

  /** One pass, in the order of this module's header. Never throws; an abort stops it between two steps. */
  async apply(signal: AbortSignal): Promise<PassOutcome> {
    const complete = await this.#applyAll(signal)
    return { complete, ailing: new Set(this.failures().flatMap(({ interfaces }) => interfaces)) }
  }

  async #applyAll(signal: AbortSignal): Promise<boolean> {
    await Promise.all(this.#families.map((family) => this.#applyPolicy(family, signal)))
    if (signal.aborted) return false
    if (this.#policyStands()) await this.#host.apply(signal)
    await this.#interfaces.apply(signal)
    if (signal.aborted) return false
    await Promise.all([this.#tunnels.apply(signal), this.#workloadMtu.apply(signal)])
    await Promise.all(this.#adjacencies.map(({ entries }) => entries.apply(signal)))
    const standing = this.#families.filter((family) => family.policyStands())
    await Promise.all(standing.map(({ routes }) => routes.apply(signal)))
    const settled = this.#families.filter((family) => family.rulesStand())
    const leftovers = [
      ...settled.map(({ setDeletions }) => setDeletions),
      ...this.#adjacencies.map(({ deletions }) => deletions),
    ]
    await Promise.all(leftovers.map((each) => each.apply(signal)))
    return !signal.aborted && this.#policyStands() && this.#families.every(({ routes }) => routes.stands)
  }

  #policyStands(): boolean {
    return this.#families.every((family) => family.policyStands())
  }

  async #applyPolicy(family: Family, signal: AbortSignal): Promise<void> {
    await family.sets.apply(signal)
    await Promise.all(TABLES.map((name) => family.tables[name].apply(signal)))
  }

  #all(): Supervised[] {
    return [...this.#families.flatMap((family) => family.all()), ...this.#ofAllVersions()]
  }

  #ofAllVersions(): Supervised[] {
    const adjacencies = this.#adjacencies.flatMap(({ entries, deletions }) => [entries, deletions])
    return [this.#tunnels, ...adjacencies, this.#interfaces, this.#host, this.#workloadMtu]
  }
}
