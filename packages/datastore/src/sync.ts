/**
 * The list-watch loop, written once for everybody who follows the store.
 *
 * Each prefix is listed, then watched from the revision of the list. After a lost connection the watch goes on where it
 * stopped, provided the store still has the same history; otherwise the prefix is listed again and told as a difference
 * to what the consumer has, invented deletes included. So a consumer that applies every update in order always holds
 * some past state of the store and, whenever it is connected, soon the present one.
 *
 * Invariants: a failed list never reads as an empty one; no update is lost, repeated or passed on out of order within a
 * prefix; the loop ends only by `signal`, by the consumer leaving it, or by an error that is a fault in the program.
 */
import type { Logger } from '@calico-node/core'
import { Follower } from './follower.ts'
import { Handoff } from './handoff.ts'
import type { KeyValue, KvStore } from './kv-store.ts'
import { Landmark } from './landmark.ts'
import { Link } from './link.ts'

export interface KeyUpdate {
  readonly key: string
  /** What the key holds now; undefined: it does not exist. */
  readonly kv: KeyValue | undefined
}

export type SyncEvent =
  | { readonly kind: 'updates'; readonly updates: readonly KeyUpdate[] }
  /** Once, when every prefix has been listed in full. */
  | { readonly kind: 'in-sync' }
  /** Whether all watches stand; on each change. While false, the store may know more than has been passed on. */
  | { readonly kind: 'connection'; readonly connected: boolean; readonly reason?: string }

export interface SyncOptions {
  readonly log: Logger
  readonly signal: AbortSignal
  /**
   * A key that a store has once it is set up. Without it a store with another past is not believed: it was wiped, counts
   * as unreachable, and what it lacks is not told as deleted. Default: believe every store.
   */
  readonly landmark?: string
}

/** Follows everything below `prefixes`. See the head of this module. */
export async function* sync(
  store: KvStore,
  prefixes: readonly string[],
  { log, signal, landmark: key }: SyncOptions,
): AsyncGenerator<SyncEvent> {
  const leaving = new AbortController()
  const events = new Handoff<SyncEvent>()
  const stop = AbortSignal.any([signal, leaving.signal])
  const end = (): void => events.end()
  stop.addEventListener('abort', end, { once: true })
  const emit = (event: SyncEvent): Promise<void> => events.put(event)
  const unlisted = new Set(prefixes)
  const link = new Link(unlisted, log, emit)
  const listed = async (prefix: string): Promise<void> => {
    if (unlisted.delete(prefix) && unlisted.size === 0) await emit({ kind: 'in-sync' })
  }
  const landmark = key === undefined ? undefined : new Landmark(store, key, log)
  const followers = [...unlisted].map(
    (prefix) => new Follower({ store, prefix, landmark, link, log, signal: stop, emit, listed }),
  )
  const done = Promise.all(followers.map((follower) => follower.run())).then(end, (err: unknown) => events.end(err))
  try {
    if (prefixes.length === 0) yield { kind: 'in-sync' }
    yield* events
  } finally {
    leaving.abort()
    await done
  }
}
