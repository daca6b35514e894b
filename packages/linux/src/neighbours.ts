/**
 * Permanent neighbour entries on workload and VXLAN devices, both IP versions.
 *
 * The kernel drops a device's entries when it goes down, so a read-back is wanted whenever a link changed.
 *
 * Restart: nothing is remembered. A permanent entry on such a device is ours, because nobody else makes permanent entries
 * there: what equals the wanted is not written again, the rest is deleted.
 */
import { backoffMs, CalicoError, type Logger } from '@calico-node/core'
import { IpBatch } from './ip-batch.ts'
import type { KernelNeighbour } from './ip-json.ts'
import { listNeighbours, saysAbsent } from './links.ts'
import { isVxlanDevice, isWorkloadDevice, WORKLOAD_PREFIX } from './ownership.ts'
import type { Neighbour, Neighbours } from './ports.ts'

export interface NeighboursOptions {
  readonly log: Logger
  readonly workloadPrefixes?: readonly string[]
  /** Shared writer. Default: one of its own. */
  readonly ip?: IpBatch
}

export function createNeighbours(opts: NeighboursOptions): Neighbours {
  return new KernelNeighbours(opts)
}

type Key = string
const keyOf = ({ dev, ip }: Pick<Neighbour, 'dev' | 'ip'>): Key => `${dev} ${ip}`

class KernelNeighbours implements Neighbours {
  readonly #log: Logger
  readonly #prefixes: readonly string[]
  readonly #ip: IpBatch
  readonly #owners = new Map<string, readonly Neighbour[]>()
  /** Ours as last read and written, as MAC by device and address; undefined = read back first. */
  #actual: Map<Key, KernelNeighbour> | undefined
  #changed = false
  #failures = 0
  #retryAt = Infinity

  constructor({ log, workloadPrefixes = [WORKLOAD_PREFIX], ip = new IpBatch() }: NeighboursOptions) {
    this.#log = log.child({ component: 'neighbours' })
    this.#prefixes = workloadPrefixes
    this.#ip = ip
  }

  setNeighbours(owner: string, entries: readonly Neighbour[]): void {
    if (entries.length === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, entries)
    this.#changed = true
  }

  queueResync(): void {
    this.#actual = undefined
  }

  dueInMs(): number | undefined {
    return this.#retryAt === Infinity ? undefined : Math.max(0, this.#retryAt - performance.now())
  }

  async apply(): Promise<void> {
    if (performance.now() >= this.#retryAt) this.#actual = undefined
    if (this.#actual !== undefined && !this.#changed) return
    try {
      await this.#converge()
      this.#changed = false
      this.#failures = 0
      this.#retryAt = Infinity
    } catch (err) {
      this.#actual = undefined
      this.#retryAt = performance.now() + backoffMs(this.#failures++, { baseMs: 1000 })
      throw err
    }
  }

  async #converge(): Promise<void> {
    const wanted = this.#wanted()
    const actual = (this.#actual ??= await this.#read())
    const upserts = [...wanted].filter(([key, { mac }]) => actual.get(key)?.mac !== mac)
    const removals = [...actual].filter(([key]) => !wanted.has(key))
    if (upserts.length + removals.length === 0) return
    const results = await this.#ip.run([
      ...removals.map(([, { ip, dev }]) => `neighbour delete ${ip} dev ${dev}`),
      ...upserts.map(([, { ip, dev, mac }]) => `neighbour replace ${ip} lladdr ${mac} dev ${dev} nud permanent`),
    ])
    const failed: string[] = []
    for (const [position, [key]] of removals.entries()) {
      const reason = results[position]
      if (reason === undefined || saysAbsent(reason)) actual.delete(key)
      else failed.push(`${key}: ${reason}`)
    }
    for (const [position, [key, entry]] of upserts.entries()) {
      const reason = results[removals.length + position]
      if (reason === undefined) actual.set(key, { ...entry, permanent: true })
      else failed.push(`${key}: ${reason}`)
    }
    this.#log.debug('Neighbours applied', { set: upserts.length, removed: removals.length, failed: failed.length })
    if (failed.length === 0) return
    const cause = new AggregateError(failed.map((each) => new Error(each)), failed.slice(0, 3).join('; '))
    throw new CalicoError('APPLY_FAILED', `Cannot apply ${failed.length} neighbour(s)`, { context: { failed }, cause })
  }

  /** Should two owners want one entry, the later name wins, whatever the order they came in. */
  #wanted(): Map<Key, Neighbour> {
    const owners = [...this.#owners].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return new Map(owners.flatMap(([, entries]) => entries.map((entry) => [keyOf(entry), entry] as const)))
  }

  async #read(): Promise<Map<Key, KernelNeighbour>> {
    const entries = [...(await listNeighbours(4)), ...(await listNeighbours(6))]
    const ours = entries.filter(
      ({ dev, permanent }) => permanent && (isVxlanDevice(dev) || isWorkloadDevice(dev, this.#prefixes)),
    )
    return new Map(ours.map((entry) => [keyOf(entry), entry]))
  }
}
