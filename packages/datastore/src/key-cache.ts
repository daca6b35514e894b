import { crc32 } from 'node:zlib'
import type { KeyValue, Snapshot, WatchEvent } from './kv-store.ts'
import type { KeyUpdate } from './sync.ts'

/** Tells two values of one key apart. The revision alone does not: a store that was wiped gives the same ones again. */
interface Version {
  readonly modRevision: bigint
  readonly checksum: number
}

const versionOf = ({ modRevision, value }: KeyValue): Version => ({ modRevision, checksum: crc32(value) })

const same = (a: Version | undefined, b: Version | undefined): boolean =>
  a?.modRevision === b?.modRevision && a?.checksum === b?.checksum

/** Which version of each key below one prefix has been passed on, so that a new list can be told as a difference. */
export class KeyCache {
  readonly #versions = new Map<string, Version>()

  get size(): number {
    return this.#versions.size
  }

  /** The key that was written last, or undefined when there is none. */
  newest(): string | undefined {
    let found: string | undefined
    let revision = 0n
    for (const [key, { modRevision }] of this.#versions) {
      if (modRevision > revision) [found, revision] = [key, modRevision]
    }
    return found
  }

  /** Whether `kv` is what was passed on for `key`; undefined: nothing was. */
  holds(key: string, kv: KeyValue | undefined): boolean {
    return same(this.#versions.get(key), kv && versionOf(kv))
  }

  /** What is new in `snapshot`, and the deletes that happened while nobody was watching. */
  absorbSnapshot({ kvs }: Snapshot): KeyUpdate[] {
    const live = new Set(kvs.map((kv) => kv.key))
    const gone = [...this.#versions.keys()].filter((key) => !live.has(key))
    const changed = kvs.filter((kv) => !this.holds(kv.key, kv))
    for (const key of gone) this.#versions.delete(key)
    for (const kv of changed) this.#versions.set(kv.key, versionOf(kv))
    return [...changed.map((kv) => ({ key: kv.key, kv })), ...gone.map((key) => ({ key, kv: undefined }))]
  }

  absorbEvents(events: readonly WatchEvent[]): KeyUpdate[] {
    return events.map((event) => {
      if (event.type === 'put') {
        this.#versions.set(event.kv.key, versionOf(event.kv))
        return { key: event.kv.key, kv: event.kv }
      }
      this.#versions.delete(event.key)
      return { key: event.key, kv: undefined }
    })
  }
}
