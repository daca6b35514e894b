import type { Snapshot, WatchEvent } from './kv-store.ts'
import type { KeyUpdate } from './sync.ts'

/** Which revision of each key below one prefix has been passed on, so that a new list can be told as a difference. */
export class KeyCache {
  readonly #revisions = new Map<string, bigint>()

  get size(): number {
    return this.#revisions.size
  }

  /** The key that was written last, or undefined when there is none. */
  newest(): { readonly key: string; readonly modRevision: bigint } | undefined {
    let found: { key: string; modRevision: bigint } | undefined
    for (const [key, modRevision] of this.#revisions) {
      if (found === undefined || modRevision > found.modRevision) found = { key, modRevision }
    }
    return found
  }

  /** What is new in `snapshot`, and the deletes that happened while nobody was watching. */
  absorbSnapshot({ kvs }: Snapshot): KeyUpdate[] {
    const live = new Set(kvs.map((kv) => kv.key))
    const gone = [...this.#revisions.keys()].filter((key) => !live.has(key))
    const changed = kvs.filter((kv) => this.#revisions.get(kv.key) !== kv.modRevision)
    for (const key of gone) this.#revisions.delete(key)
    for (const kv of changed) this.#revisions.set(kv.key, kv.modRevision)
    return [...changed.map((kv) => ({ key: kv.key, kv })), ...gone.map((key) => ({ key, kv: undefined }))]
  }

  absorbEvents(events: readonly WatchEvent[]): KeyUpdate[] {
    return events.map((event) => {
      if (event.type === 'put') {
        this.#revisions.set(event.kv.key, event.kv.modRevision)
        return { key: event.kv.key, kv: event.kv }
      }
      this.#revisions.delete(event.key)
      return { key: event.key, kv: undefined }
    })
  }
}
