import type { Logger } from '@calico-node/core'
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
} from '../kv-store.ts'
import { storeClosed } from '../store-errors.ts'
import { Caller } from './caller.ts'
import { EtcdClients } from './clients.ts'
import type { EtcdConnection } from './connection.ts'
import { EtcdReader } from './reader.ts'
import { watchPrefix } from './watch.ts'
import { EtcdWriter } from './writer.ts'

/** The real store: etcd v3 with one or more members, directly or through `etcd grpc-proxy`. */
class EtcdKvStore implements KvStore {
  readonly #clients: EtcdClients
  readonly #reader: EtcdReader
  readonly #writer: EtcdWriter
  readonly #closing = new AbortController()

  constructor(connection: EtcdConnection, log: Logger) {
    this.#clients = new EtcdClients(connection, log)
    const caller = new Caller(this.#clients)
    this.#reader = new EtcdReader(caller)
    this.#writer = new EtcdWriter(caller, this.#reader)
  }

  get(key: string, opts?: ReadOptions): Promise<KeyValue | undefined> {
    return this.#reader.get(key, opts)
  }

  list(prefix: string, opts?: ReadOptions): Promise<Snapshot> {
    return this.#reader.list(prefix, opts)
  }

  count(prefix: string, opts?: ReadOptions): Promise<Extent> {
    return this.#reader.count(prefix, opts)
  }

  create(key: string, value: string, opts?: CallOptions): Promise<KeyValue> {
    return this.#writer.create(key, value, opts)
  }

  update(key: string, value: string, modRevision: bigint, opts?: CallOptions): Promise<KeyValue> {
    return this.#writer.update(key, value, modRevision, opts)
  }

  put(key: string, value: string, opts?: PutOptions): Promise<KeyValue> {
    return this.#writer.put(key, value, opts)
  }

  delete(key: string, opts?: DeleteOptions): Promise<KeyValue> {
    return this.#writer.delete(key, opts)
  }

  async *watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncGenerator<WatchBatch> {
    const target = { prefix, fromRevision, openTimeoutMs: this.#clients.timeoutMs }
    try {
      const etcd = await this.#clients.get('watches')
      yield* watchPrefix(etcd, target, AbortSignal.any([signal, this.#closing.signal]))
    } catch (err) {
      throw this.#clients.explain(err, `watch ${prefix}`).error
    }
    if (this.#closing.signal.aborted) throw storeClosed()
  }

  close(): void {
    this.#closing.abort()
    this.#clients.close()
  }
}

/** Opens a store on etcd. Connects when first used, and again whenever it must. */
export const openEtcd = (connection: EtcdConnection, log: Logger): KvStore =>
  new EtcdKvStore(connection, log.child({ component: 'etcd' }))
