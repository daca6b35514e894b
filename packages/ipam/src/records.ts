/**
 * Typed compare-and-swap over one kind of IPAM record. Losing a race is an answer here, not an error.
 *
 * A write whose answer was lost and which the store could not settle itself (AMBIGUOUS) is settled here, with what the
 * record means: `replace` takes a predicate that recognises its own write in a later value of the record. Reading back and
 * trying again is safe, because the compare of the first try still holds for the second: at most one of them can succeed.
 */
import { backoffMs, CalicoError, hasCode, sleep } from '@calico-node/core'
import type { KeyValue, KvStore } from '@calico-node/datastore'

/** A record together with the revision that a compare-and-swap has to name. */
export interface Stored<T> {
  readonly key: string
  readonly modRevision: bigint
  readonly value: T
}

export interface Codec<T> {
  /** @throws INVALID, naming the key, the field and the reason. */
  decode(kv: KeyValue): T
  encode(value: T): string
}

export interface Listing<T> {
  readonly records: readonly Stored<T>[]
  /** Records that do not parse. They exist: nothing may be created in their place. */
  readonly malformed: readonly { readonly key: string; readonly reason: CalicoError }[]
}

/** Does the later value `current` carry our write in its history? */
export type Landed<T> = (current: T) => boolean

/** How long a half-done operation keeps trying to reach the store before it gives up. */
const PATIENCE_MS = 30_000

/** Bound of every loop around a compare-and-swap. */
const MAX_RACES = 100

/**
 * Runs `step` again while the store cannot be reached. For the steps that follow a first write: failing there would leave
 * half an operation behind.
 *
 * @throws STORE_UNAVAILABLE or AMBIGUOUS after {@link PATIENCE_MS}, and anything else at once.
 */
export async function patiently<T>(step: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return await step()
    } catch (err) {
      if (!hasCode(err, 'STORE_UNAVAILABLE', 'AMBIGUOUS') || performance.now() >= end) throw err
      await sleep(backoffMs(attempt, { capMs: 2_000 }))
    }
  }
}

/**
 * Runs `step` until it returns something: undefined says that it lost a race and has to read again.
 *
 * @param what Completes the sentence "Cannot ...".
 * @throws CONFLICT after {@link MAX_RACES} lost races.
 */
export async function untilWon<T>(what: string, step: () => Promise<T | undefined>): Promise<T> {
  for (let races = 0; races < MAX_RACES; races++) {
    const result = await step()
    if (result !== undefined) return result
    await sleep(backoffMs(races, { baseMs: 4, capMs: 250 }))
  }
  throw new CalicoError('CONFLICT', `Cannot ${what}: lost ${MAX_RACES} races against concurrent IPAM requests`)
}

export class Records<T> {
  readonly #store: KvStore
  readonly #codec: Codec<T>
  constructor(store: KvStore, codec: Codec<T>) {
    this.#store = store
    this.#codec = codec
  }

  async find(key: string): Promise<Stored<T> | undefined> {
    const kv = await this.#store.get(key)
    return kv === undefined ? undefined : this.#stored(kv)
  }

  async list(prefix: string): Promise<Listing<T>> {
    const records: Stored<T>[] = []
    const malformed: { key: string; reason: CalicoError }[] = []
    for (const kv of (await this.#store.list(prefix)).kvs) {
      try {
        records.push(this.#stored(kv))
      } catch (err) {
        if (!hasCode(err, 'INVALID')) throw err
        malformed.push({ key: kv.key, reason: err })
      }
    }
    return { records, malformed }
  }

  /** @returns Undefined when the record exists already. */
  async create(key: string, value: T): Promise<Stored<T> | undefined> {
    const text = this.#codec.encode(value)
    const kv = await decided(
      () => this.#store.create(key, text),
      async () => {
        const current = await this.#store.get(key)
        if (current === undefined) return 'not-yet'
        return current.value === text ? current : undefined
      },
    )
    return kv && this.#stored(kv)
  }

  /** @returns Undefined when the record changed, or is gone, since it was read. */
  async replace(stored: Stored<T>, value: T, landed: Landed<T> = () => false): Promise<Stored<T> | undefined> {
    const { key, modRevision } = stored
    const text = this.#codec.encode(value)
    const kv = await decided(
      () => this.#store.update(key, text, modRevision),
      async () => {
        const current = await this.#store.get(key)
        if (current?.modRevision === modRevision) return 'not-yet'
        const ours = current !== undefined && (current.value === text || landed(this.#codec.decode(current)))
        return ours ? current : undefined
      },
    )
    return kv && this.#stored(kv)
  }

  /** @returns False when the record changed, or is gone, since it was read. */
  async remove({ key, modRevision }: Stored<T>): Promise<boolean> {
    const removed = await decided(
      async () => (await this.#store.delete(key, { modRevision })) !== undefined,
      async () => {
        const current = await this.#store.get(key)
        if (current?.modRevision === modRevision) return 'not-yet'
        return current === undefined || current.createRevision > modRevision || undefined
      },
    )
    return removed === true
  }

  #stored(kv: KeyValue): Stored<T> {
    return { key: kv.key, modRevision: kv.modRevision, value: this.#codec.decode(kv) }
  }
}

/**
 * The outcome of a compare-and-swap, undefined when the compare failed.
 *
 * @param settle Finds out what became of a write whose answer was lost. A write that is not applied yet may still be on its
 *   way, so a second try that is refused proves nothing: then `settle` is asked again.
 */
async function decided<R>(
  write: () => Promise<R>,
  settle: () => Promise<R | 'not-yet' | undefined>,
): Promise<R | undefined> {
  try {
    return await write()
  } catch (err) {
    if (hasCode(err, 'CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND')) return undefined
    if (!hasCode(err, 'AMBIGUOUS')) throw err
    return patiently(async () => {
      const found = await settle()
      if (found !== 'not-yet') return found
      return write().catch((again: unknown) => {
        throw hasCode(again, 'CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND') ? err : again
      })
    })
  }
}
