import type { IRangeRequest, IRangeResponse } from 'etcd3'
import { hasCode } from '@calico-node/core'
import type { CallOptions, Extent, KeyValue, ReadOptions, Snapshot } from '../kv-store.ts'
import type { Caller } from './caller.ts'
import { keyAfter, keyValueOf, prefixRange } from './wire.ts'

/** Keys a page: bounds what etcd and we hold at once, at next to no cost in time. */
const PAGE_SIZE = 2000
/** A list that takes so long that its revision is compacted meanwhile is begun anew so many times. */
const MAX_LISTS = 3

/** The reading half of the etcd store. Every read goes through a majority of the members, never a stale one. */
export class EtcdReader {
  readonly #caller: Caller

  constructor(caller: Caller) {
    this.#caller = caller
  }

  async get(key: string, opts: ReadOptions = {}): Promise<KeyValue | undefined> {
    const { kvs } = await this.#range(`read ${key}`, { key: Buffer.from(key) }, opts)
    const [kv] = kvs
    return kv === undefined ? undefined : keyValueOf(kv)
  }

  async list(prefix: string, opts: ReadOptions = {}): Promise<Snapshot> {
    for (let lists = 1; ; lists++) {
      try {
        return await this.#listPages(prefix, opts)
      } catch (err) {
        const compactedMeanwhile = opts.revision === undefined && hasCode(err, 'COMPACTED')
        if (!compactedMeanwhile || lists >= MAX_LISTS) throw err
      }
    }
  }

  async count(prefix: string, opts: ReadOptions = {}): Promise<Extent> {
    const { count, header } = await this.#range(`count ${prefix}`, { ...prefixRange(prefix), count_only: true }, opts)
    return { count: Number(count), headRevision: BigInt(header.revision) }
  }

  async #listPages(prefix: string, opts: ReadOptions): Promise<Snapshot> {
    const kvs: KeyValue[] = []
    const { range_end } = prefixRange(prefix)
    let { key } = prefixRange(prefix)
    let { revision } = opts
    for (;;) {
      const request = { key, range_end, limit: PAGE_SIZE }
      const page = await this.#range(`list ${prefix}`, request, {
        ...opts,
        ...(revision !== undefined && { revision }),
      })
      revision ??= BigInt(page.header.revision)
      for (const kv of page.kvs) kvs.push(keyValueOf(kv))
      const last = page.kvs.at(-1)
      if (!page.more || last === undefined) return { kvs, revision }
      key = keyAfter(last.key)
    }
  }

  async #range(action: string, request: IRangeRequest, opts: ReadOptions): Promise<IRangeResponse> {
    const { revision, ...callOptions } = opts
    const at = revision === undefined ? {} : { revision: String(revision) }
    return this.#caller.read(action, callOptions satisfies CallOptions, (etcd, call) =>
      etcd.kv.range({ ...request, ...at }, call),
    )
  }
}
