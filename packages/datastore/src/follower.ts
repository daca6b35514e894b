import { backoffMs, hasCode, sleep, type Logger } from '@calico-node/core'
import { KeyCache } from './key-cache.ts'
import type { KvStore } from './kv-store.ts'
import type { Landmark } from './landmark.ts'
import type { Link } from './link.ts'
import type { KeyUpdate, SyncEvent } from './sync.ts'

export interface FollowerOptions {
  readonly store: KvStore
  readonly prefix: string
  readonly landmark: Landmark | undefined
  readonly link: Link
  readonly log: Logger
  readonly signal: AbortSignal
  readonly emit: (event: SyncEvent) => Promise<void>
  readonly listed: (prefix: string) => Promise<void>
}

/** History is replayed at some 3000 revisions a second, a list brings 100 000 keys: further behind than this, list. */
const RELIST_GAP = 5000n
const RETRY = { baseMs: 100, capMs: 5000 }
const RETRY_FORBIDDEN = { baseMs: 5000, capMs: 30_000 }
const RETRY_AT_LEAST_MS = 50

/** One prefix of a `sync`: lists, watches, resumes, and lists again when it must. */
export class Follower {
  readonly #cache = new KeyCache()
  readonly #opts: FollowerOptions
  /** From where to watch on; undefined: list first. */
  #next: bigint | undefined
  #failures = 0

  constructor(opts: FollowerOptions) {
    this.#opts = opts
  }

  /** Runs until `signal` aborts. @throws what is neither the store's absence, nor its refusal, nor compaction */
  async run(): Promise<void> {
    const { prefix, link, log, signal } = this.#opts
    while (!signal.aborted) {
      try {
        await this.#watch(await this.#position())
      } catch (err) {
        if (signal.aborted) return
        if (hasCode(err, 'COMPACTED')) {
          log.info('Will list again', { prefix, reason: err.message })
          this.#next = undefined
        } else if (hasCode(err, 'STORE_UNAVAILABLE', 'FORBIDDEN')) {
          await link.lost(prefix, err)
          const pace = err.code === 'FORBIDDEN' ? RETRY_FORBIDDEN : RETRY
          await sleep(backoffMs(this.#failures, pace), signal)
          this.#failures += 1
        } else throw err
      }
      await sleep(RETRY_AT_LEAST_MS, signal)
    }
  }

  async #watch(from: bigint): Promise<void> {
    const { store, prefix, link, signal } = this.#opts
    for await (const { events, nextRevision } of store.watch(prefix, from, signal)) {
      this.#failures = 0
      await link.stands(prefix)
      await this.#tell(this.#cache.absorbEvents(events))
      this.#next = nextRevision
    }
  }

  /** The revision to watch from, with the consumer brought up to the one before. */
  async #position(): Promise<bigint> {
    if (this.#next !== undefined && (await this.#canResume(this.#next))) return this.#next
    const { store, prefix, landmark, signal, listed } = this.#opts
    const snapshot = await store.list(prefix, { signal })
    if (this.#cache.size > 0) await landmark?.assertPresent(signal)
    await this.#tell(this.#cache.absorbSnapshot(snapshot))
    await listed(prefix)
    this.#next = snapshot.revision + 1n
    return this.#next
  }

  /**
   * Whether the store, asked about the past, still describes what the consumer was told, and is not far ahead.
   *
   * A store that was wiped or restored from a backup counts its revisions anew and may even have overtaken us, under the
   * same cluster id; a watch would then stay silent about everything in between.
   */
  async #canResume(next: bigint): Promise<boolean> {
    const { store, prefix, log, signal } = this.#opts
    const then = { revision: next - 1n, signal }
    const newest = this.#cache.newest()
    const [{ count, headRevision }, kv] = await Promise.all([
      store.count(prefix, then),
      newest === undefined ? undefined : store.get(newest, then),
    ])
    const same = count === this.#cache.size && (newest === undefined || this.#cache.holds(newest, kv))
    if (same && headRevision - next < RELIST_GAP) return true
    log.info('Will list again', { prefix, reason: same ? 'far behind' : 'the store has another past', headRevision })
    return false
  }

  async #tell(updates: readonly KeyUpdate[]): Promise<void> {
    if (updates.length > 0) await this.#opts.emit({ kind: 'updates', updates })
  }
}
