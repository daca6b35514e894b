import type {
  CallOptions,
  DeleteOptions,
  Extent,
  KeyValue,
  KvStore,
  PutOptions,
  ReadOptions,
  Snapshot,
  WatchBatch,
  WatchEvent,
} from './kv-store.ts'
import { abandoned, alreadyExists, conflict, notFound, revisionGone, storeClosed } from './store-errors.ts'

interface Change {
  readonly revision: bigint
  readonly event: WatchEvent
}

const keyOf = (event: WatchEvent): string => (event.type === 'put' ? event.kv.key : event.key)

/** A KvStore in this process: for tests and for tools that work on a copy. Keeps its whole history until `compact`. */
export class MemoryKvStore implements KvStore {
  readonly #history: Change[] = []
  /** The state right after the compacted revision, on which the remaining history is played. */
  #base: ReadonlyMap<string, KeyValue> = new Map()
  readonly #live = new Map<string, KeyValue>()
  readonly #wakeUps = new Set<() => void>()
  readonly #expiries = new Map<string, NodeJS.Timeout>()
  #revision = 1n
  #compacted = 0n
  #closed = false

  async get(key: string, opts: ReadOptions = {}): Promise<KeyValue | undefined> {
    return this.#stateAt(key, opts).get(key)
  }

  async list(prefix: string, opts: ReadOptions = {}): Promise<Snapshot> {
    const state = this.#stateAt(prefix, opts)
    const kvs = [...state.values()].filter((kv) => kv.key.startsWith(prefix))
    return { kvs: kvs.toSorted((a, b) => (a.key < b.key ? -1 : 1)), revision: opts.revision ?? this.#revision }
  }

  async count(prefix: string, opts: ReadOptions = {}): Promise<Extent> {
    const { kvs } = await this.list(prefix, opts)
    return { count: kvs.length, headRevision: this.#revision }
  }

  async create(key: string, value: string, opts: CallOptions = {}): Promise<KeyValue> {
    this.#assertUsable(opts)
    const current = this.#live.get(key)
    if (current !== undefined) throw alreadyExists(key, current)
    return this.#write(key, value)
  }

  async update(key: string, value: string, modRevision: bigint, opts: CallOptions = {}): Promise<KeyValue> {
    this.#assertUsable(opts)
    const current = this.#live.get(key)
    if (current === undefined) throw notFound('update', key)
    if (current.modRevision !== modRevision) throw conflict('update', key, current)
    return this.#write(key, value)
  }

  async put(key: string, value: string, opts: PutOptions = {}): Promise<KeyValue> {
    this.#assertUsable(opts)
    const kv = this.#write(key, value)
    if (opts.ttlSeconds !== undefined) {
      const expire = (): void => this.#remove(kv)
      this.#expiries.set(key, setTimeout(expire, opts.ttlSeconds * 1000).unref())
    }
    return kv
  }

  async delete(key: string, opts: DeleteOptions = {}): Promise<KeyValue> {
    this.#assertUsable(opts)
    const current = this.#live.get(key)
    if (current === undefined) throw notFound('delete', key)
    if (opts.modRevision !== undefined && current.modRevision !== opts.modRevision)
      throw conflict('delete', key, current)
    this.#remove(current)
    return current
  }

  async *watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    this.#assertUsable({})
    if (fromRevision > this.#revision + 1n) throw revisionGone(prefix, fromRevision, 'the store is not there yet')
    let nextRevision = fromRevision
    yield { events: [], nextRevision }
    while (!signal.aborted && !this.#closed) {
      if (nextRevision <= this.#compacted) throw revisionGone(prefix, nextRevision, 'it has been compacted')
      const fresh = this.#history.filter(({ revision }) => revision >= nextRevision)
      nextRevision = this.#revision + 1n
      const events = fresh.map(({ event }) => event).filter((event) => keyOf(event).startsWith(prefix))
      if (events.length > 0) yield { events, nextRevision }
      else await this.#nextChange(signal)
    }
    if (this.#closed) throw storeClosed()
  }

  /** Forgets history as etcd's compaction does: reads and watches at or before `revision` fail from now on. */
  compact(revision: bigint = this.#revision): void {
    this.#compacted = revision
    const dead = this.#history.findIndex((change) => change.revision > revision)
    this.#base = this.#stateAt('', { revision })
    this.#history.splice(0, dead === -1 ? this.#history.length : dead)
    this.#wake()
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#expiries.values()) clearTimeout(timer)
    this.#wake()
  }

  #stateAt(what: string, opts: ReadOptions): ReadonlyMap<string, KeyValue> {
    this.#assertUsable(opts)
    const { revision } = opts
    if (revision === undefined || revision === this.#revision) return this.#live
    if (revision < this.#compacted) throw revisionGone(what, revision, 'it has been compacted')
    if (revision > this.#revision) throw revisionGone(what, revision, 'the store is not there yet')
    const state = new Map(this.#base)
    for (const change of this.#history) {
      if (change.revision > revision) break
      if (change.event.type === 'put') state.set(change.event.kv.key, change.event.kv)
      else state.delete(change.event.key)
    }
    return state
  }

  #write(key: string, value: string): KeyValue {
    this.#cancelExpiry(key)
    this.#revision += 1n
    const createRevision = this.#live.get(key)?.createRevision ?? this.#revision
    const kv = { key, value, createRevision, modRevision: this.#revision }
    this.#live.set(key, kv)
    this.#record({ type: 'put', kv })
    return kv
  }

  #remove(previous: KeyValue): void {
    const { key } = previous
    this.#cancelExpiry(key)
    this.#revision += 1n
    this.#live.delete(key)
    this.#record({ type: 'delete', key, modRevision: this.#revision, previous })
  }

  #record(event: WatchEvent): void {
    this.#history.push({ revision: this.#revision, event })
    this.#wake()
  }

  #cancelExpiry(key: string): void {
    clearTimeout(this.#expiries.get(key))
    this.#expiries.delete(key)
  }

  #wake(): void {
    for (const wakeUp of this.#wakeUps) wakeUp()
  }

  async #nextChange(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wakeUp = (): void => resolve()
    this.#wakeUps.add(wakeUp)
    signal.addEventListener('abort', wakeUp, { once: true })
    await promise
    signal.removeEventListener('abort', wakeUp)
    this.#wakeUps.delete(wakeUp)
  }

  #assertUsable({ signal }: CallOptions): void {
    if (this.#closed) throw storeClosed()
    if (signal?.aborted === true) throw abandoned()
  }
}
