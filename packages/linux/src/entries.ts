/**
 * Small kernel objects that have one value under one key (neighbours, entries of a forwarding table), many of them, each
 * written by one line of a batch.
 *
 * Two steps, so that a way through the kernel is whole before it is used and as long as it is used: `apply` adds and changes,
 * `applyDeletions` removes what nobody wants, after the routes that led over it are gone.
 *
 * Restart: nothing is remembered. `read` names what is ours; what equals the wanted is not written again.
 */
import { backoffMs, CalicoError, type Logger } from '@calico-node/core'
import type { IpBatch } from './ip-batch.ts'
import { saysAbsent } from './links.ts'
import type { Entries } from './ports.ts'

export interface EntryKind<E> {
  /** For people and logs: `neighbours`. */
  readonly plural: string
  readonly keyOf: (entry: E) => string
  /** Whether entries of one key have one value. */
  readonly same: (a: E, b: E) => boolean
  /** Ours in the kernel. */
  readonly read: () => Promise<readonly E[]>
  /** Batch lines. */
  readonly putCommand: (entry: E) => string
  readonly removeCommand: (entry: E) => string
}

export interface EntriesOptions<E> {
  readonly kind: EntryKind<E>
  readonly batch: IpBatch
  readonly log: Logger
}

export class KernelEntries<E> implements Entries<E> {
  readonly #kind: EntryKind<E>
  readonly #batch: IpBatch
  readonly #log: Logger
  readonly #owners = new Map<string, readonly E[]>()
  /** Ours as last read and written; undefined = read back first. */
  #actual: Map<string, E> | undefined
  #wanted: ReadonlyMap<string, E> = new Map()
  #changed = true
  #failures = 0
  #retryAt = Infinity

  constructor({ kind, batch, log }: EntriesOptions<E>) {
    this.#kind = kind
    this.#batch = batch
    this.#log = log
  }

  set(owner: string, entries: readonly E[]): void {
    if (entries.length === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, entries)
    this.#changed = true
  }

  queueResync(): void {
    this.#actual = undefined
    this.#batch.renew()
  }

  dueInMs(): number | undefined {
    return this.#retryAt === Infinity ? undefined : Math.max(0, this.#retryAt - performance.now())
  }

  async apply(): Promise<void> {
    if (performance.now() >= this.#retryAt) this.#actual = undefined
    if (this.#actual !== undefined && !this.#changed) return
    await this.#guard(async () => {
      this.#wanted = this.#wish()
      const actual = (this.#actual ??= await this.#read())
      const { same, putCommand } = this.#kind
      const upserts = [...this.#wanted].filter(([key, entry]) => {
        const have = actual.get(key)
        return have === undefined || !same(entry, have)
      })
      await this.#write(upserts, putCommand, (key, entry) => actual.set(key, entry))
      this.#changed = false
    })
  }

  async applyDeletions(): Promise<void> {
    const actual = this.#actual
    if (actual === undefined) return // the next `apply` reads, and this is called again after it
    const unwanted = [...actual].filter(([key]) => !this.#wanted.has(key))
    if (unwanted.length === 0) return
    await this.#guard(() => this.#write(unwanted, this.#kind.removeCommand, (key) => actual.delete(key)))
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#failures = 0
      this.#retryAt = Infinity
    } catch (err) {
      this.#actual = undefined
      this.#retryAt = performance.now() + backoffMs(this.#failures++, { baseMs: 1000 })
      throw err
    }
  }

  async #write(
    entries: readonly (readonly [string, E])[],
    command: (entry: E) => string,
    done: (key: string, entry: E) => void,
  ): Promise<void> {
    if (entries.length === 0) return
    const results = await this.#batch.run(entries.map(([, entry]) => command(entry)))
    const failed: string[] = []
    for (const [position, [key, entry]] of entries.entries()) {
      const reason = results[position]
      const isGone = reason !== undefined && command === this.#kind.removeCommand && saysAbsent(reason)
      if (reason === undefined || isGone) done(key, entry)
      else failed.push(`${key}: ${reason}`)
    }
    this.#log.debug('Entries applied', { kind: this.#kind.plural, written: entries.length, failed: failed.length })
    if (failed.length === 0) return
    const cause = new AggregateError(
      failed.map((each) => new Error(each)),
      failed.slice(0, 3).join('; '),
    )
    throw new CalicoError('APPLY_FAILED', `Cannot apply ${failed.length} of the ${this.#kind.plural}`, {
      context: { failed },
      cause,
    })
  }

  /** Should two owners want one entry, the later name wins, whatever the order they came in. */
  #wish(): Map<string, E> {
    const owners = [...this.#owners].toSorted(([a], [b]) => (a < b ? -1 : 1))
    return new Map(owners.flatMap(([, entries]) => entries.map((entry) => [this.#kind.keyOf(entry), entry] as const)))
  }

  async #read(): Promise<Map<string, E>> {
    const entries = await this.#kind.read()
    return new Map(entries.map((entry) => [this.#kind.keyOf(entry), entry]))
  }
}
