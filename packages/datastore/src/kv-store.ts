/**
 * The port behind which etcd stands: what the rest of the system may ask of a store.
 *
 * Keys and values are text. Revisions are etcd's: one counter for the whole store that every write moves. A prefix is a
 * plain prefix of the key's text; the empty prefix is everything.
 */
export interface KeyValue {
  readonly key: string
  readonly value: string
  /** Revision of the write that brought the key into being. */
  readonly createRevision: bigint
  /** Revision of the last write of the key; equal to `createRevision` right after a create. */
  readonly modRevision: bigint
}

export interface CallOptions {
  /** Abandons the call, which throws STORE_UNAVAILABLE; a mutation abandoned in flight throws AMBIGUOUS. */
  readonly signal?: AbortSignal
  /** Time for the whole call, retries included. Default: that of the connection, 10 000. */
  readonly timeoutMs?: number
}

export interface ReadOptions extends CallOptions {
  /** Read the past: the state right after this revision. Default: now. */
  readonly revision?: bigint
}

/** Everything below a prefix as it stood at one revision, in key order. */
export interface Snapshot {
  readonly kvs: readonly KeyValue[]
  readonly revision: bigint
}

export interface Extent {
  readonly count: number
  /** Where the store stands now, whatever revision was counted at. */
  readonly headRevision: bigint
}

export type WatchEvent =
  | { readonly type: 'put'; readonly kv: KeyValue }
  | { readonly type: 'delete'; readonly key: string; readonly modRevision: bigint; readonly previous?: KeyValue }

/** What one message of a watch brought. The first batch of a watch is empty and says that the watch stands. */
export interface WatchBatch {
  readonly events: readonly WatchEvent[]
  /** Where to go on after this batch: every event of this prefix below this revision has been delivered. */
  readonly nextRevision: bigint
}

/**
 * A store of keys with revisions, compare-and-swap and watches.
 *
 * Every call may also throw STORE_UNAVAILABLE (nothing was changed) and FORBIDDEN. A mutation whose answer got lost is
 * resolved by reading back; where even that cannot tell, it throws AMBIGUOUS. No mutation is ever applied twice.
 */
export interface KvStore {
  get(key: string, opts?: ReadOptions): Promise<KeyValue | undefined>
  /** Reads in pages, all at one revision. @throws COMPACTED when `opts.revision` is gone or not reached yet. */
  list(prefix: string, opts?: ReadOptions): Promise<Snapshot>
  /** How many keys there are below `prefix`. @throws COMPACTED as `list` does. */
  count(prefix: string, opts?: ReadOptions): Promise<Extent>
  /** @throws ALREADY_EXISTS, with `context.current` as it stands. */
  create(key: string, value: string, opts?: CallOptions): Promise<KeyValue>
  /** Writes only over the revision that the caller has seen. @throws CONFLICT (with `context.current`) or NOT_FOUND. */
  update(key: string, value: string, modRevision: bigint, opts?: CallOptions): Promise<KeyValue>
  /** Writes whatever was there before. With `ttlSeconds` the key expires unless it is put again. */
  put(key: string, value: string, opts?: PutOptions): Promise<KeyValue>
  /** @returns The value that was deleted. @throws NOT_FOUND, or CONFLICT when `opts.modRevision` is not the current one. */
  delete(key: string, opts?: DeleteOptions): Promise<KeyValue>
  /**
   * Changes below `prefix` from `fromRevision` (inclusive) on: each once, in order, whole revisions at a time.
   *
   * One connection's worth: it throws when the connection is lost, and the caller opens the next one at the last
   * `nextRevision` (`sync` does). Ends quietly when `signal` aborts.
   *
   * @throws COMPACTED when `fromRevision` is gone, or lies beyond the next revision (the store went back in time).
   */
  watch(prefix: string, fromRevision: bigint, signal: AbortSignal): AsyncIterable<WatchBatch>
  /** Ends every watch and frees the connections; later calls throw STORE_UNAVAILABLE. */
  close(): void
}

export interface PutOptions extends CallOptions {
  readonly ttlSeconds?: number
}

export interface DeleteOptions extends CallOptions {
  readonly modRevision?: bigint
}
