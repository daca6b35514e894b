import type { ICompare, IRequestOp, ITxnResponse } from 'etcd3'
import { assertNever, hasCode, sleep, type CalicoError } from '@calico-node/core'
import type { CallOptions, DeleteOptions, KeyValue, PutOptions } from '../kv-store.ts'
import { alreadyExists, conflict, notFound } from '../store-errors.ts'
import type { Caller } from './caller.ts'
import { judge, type Verdict } from './lost-answers.ts'
import type { EtcdReader } from './reader.ts'
import { keyValueOf } from './wire.ts'

/** How often a write whose answers get lost is sent. */
const MAX_ROUNDS = 4
const ROUND_PAUSE_MS = 100
/** How often an unconditional delete follows a key that others keep writing. */
const MAX_CHASES = 10

/** One compare-and-swap: what to send, and what to make of it when the answer is lost. */
interface Swap {
  readonly opts: CallOptions
  readonly send: () => Promise<KeyValue>
  readonly judge: () => Promise<Verdict>
  readonly onTheirs: (current: KeyValue) => CalicoError
  readonly onGone: () => Promise<KeyValue>
}

/** The writing half of the etcd store: each method is one transaction, and its answer is certain or AMBIGUOUS. */
export class EtcdWriter {
  readonly #caller: Caller
  readonly #reader: EtcdReader

  constructor(caller: Caller, reader: EtcdReader) {
    this.#caller = caller
    this.#reader = reader
  }

  async create(key: string, value: string, opts: CallOptions = {}): Promise<KeyValue> {
    const absent = { key: Buffer.from(key), target: 'Version', result: 'Equal', version: 0 } as const
    return this.#swap({
      opts,
      send: async () => {
        const answer = await this.#txn(`create ${key}`, opts, absent, putOp(key, value))
        if (answer.succeeded) return writtenBy(answer, key, value)
        throw alreadyExists(key, currentOf(answer) ?? unexpected(key))
      },
      judge: () => this.#judge(key, 0n, value, opts),
      onTheirs: (current) => alreadyExists(key, current),
      onGone: async () => unexpected(key),
    })
  }

  async update(key: string, value: string, modRevision: bigint, opts: CallOptions = {}): Promise<KeyValue> {
    return this.#swap({
      opts,
      send: async () => {
        const answer = await this.#txn(`update ${key}`, opts, isAt(key, modRevision), putOp(key, value))
        if (answer.succeeded) return writtenBy(answer, key, value)
        throw refusalOf(answer, 'update', key)
      },
      judge: () => this.#judge(key, modRevision, value, opts),
      onTheirs: (current) => conflict('update', key, current),
      onGone: async () => {
        throw notFound('update', key)
      },
    })
  }

  async delete(key: string, opts: DeleteOptions = {}): Promise<KeyValue> {
    if (opts.modRevision !== undefined) return this.#deleteAt(key, opts.modRevision, opts)
    for (let chases = 1; ; chases++) {
      const seen = await this.#reader.get(key, opts)
      if (seen === undefined) throw notFound('delete', key)
      try {
        return await this.#deleteAt(key, seen.modRevision, opts)
      } catch (err) {
        if (!hasCode(err, 'CONFLICT') || chases >= MAX_CHASES) throw err
      }
    }
  }

  async put(key: string, value: string, opts: PutOptions = {}): Promise<KeyValue> {
    const lease = opts.ttlSeconds === undefined ? {} : { lease: await this.#grantLease(key, opts.ttlSeconds, opts) }
    const request = { key: Buffer.from(key), value: Buffer.from(value), prev_kv: true, ...lease }
    try {
      const answer = await this.#caller.write(`put ${key}`, opts, (etcd, call) => etcd.kv.put(request, call))
      const revision = BigInt(answer.header.revision)
      const createRevision = answer.prev_kv ? BigInt(answer.prev_kv.create_revision) : revision
      return { key, value, createRevision, modRevision: revision }
    } catch (err) {
      // What stands there may be an older put of the same value: good enough, unless that one is about to expire.
      if (!hasCode(err, 'AMBIGUOUS') || opts.ttlSeconds !== undefined || opts.signal?.aborted === true) throw err
      const current = await this.#reader.get(key, opts).catch(() => undefined)
      if (current?.value !== value) throw err
      return current
    }
  }

  async #deleteAt(key: string, modRevision: bigint, opts: CallOptions): Promise<KeyValue> {
    const remove: IRequestOp = { request_delete_range: { key: Buffer.from(key), prev_kv: true } }
    return this.#swap({
      opts,
      send: async () => {
        const answer = await this.#txn(`delete ${key}`, opts, isAt(key, modRevision), remove)
        const [previous] = answer.succeeded ? (answer.responses[0]?.response_delete_range.prev_kvs ?? []) : []
        if (previous !== undefined) return keyValueOf(previous)
        throw refusalOf(answer, 'delete', key)
      },
      judge: () => this.#judge(key, modRevision, undefined, opts),
      onTheirs: (current) => conflict('delete', key, current),
      onGone: async () => (await this.#reader.get(key, { ...opts, revision: modRevision })) ?? unexpected(key),
    })
  }

  /** Sends until the outcome is certain: again only when the key's history shows that nothing has happened yet. */
  async #swap(swap: Swap): Promise<KeyValue> {
    let lost: unknown
    for (let round = 1; ; round++) {
      try {
        return await swap.send()
      } catch (err) {
        // After a lost answer a refusal proves nothing: it may have been our own write that changed the key.
        if (hasCode(err, 'AMBIGUOUS')) lost = err
        else if (lost === undefined) throw err
        else if (!hasCode(err, 'ALREADY_EXISTS', 'CONFLICT', 'NOT_FOUND')) throw lost
      }
      if (swap.opts.signal?.aborted === true) throw lost
      const verdict = await swap.judge().catch(() => UNKNOWN)
      switch (verdict.kind) {
        case 'ours':
          return verdict.kv
        case 'theirs':
          throw swap.onTheirs(verdict.current)
        case 'gone':
          return swap.onGone()
        case 'unknown':
          throw lost
        case 'unchanged':
          if (round >= MAX_ROUNDS) throw lost
          await sleep(ROUND_PAUSE_MS, swap.opts.signal)
          break
        default:
          assertNever(verdict)
      }
    }
  }

  async #judge(key: string, seen: bigint, value: string | undefined, opts: CallOptions): Promise<Verdict> {
    const get = (wanted: string, revision?: bigint): Promise<KeyValue | undefined> =>
      this.#reader.get(wanted, revision === undefined ? opts : { ...opts, revision })
    return judge({ get }, key, seen, value)
  }

  /** Does `op` if `compare` holds, else reads the key. */
  async #txn(action: string, opts: CallOptions, compare: ICompare, op: IRequestOp): Promise<ITxnResponse> {
    const failure = compare.key === undefined ? [] : [{ request_range: { key: compare.key } }]
    return this.#caller.write(action, opts, (etcd, call) =>
      etcd.kv.txn({ compare: [compare], success: [op], failure }, call),
    )
  }

  /** A lease nobody renews; one that was granted for a lost answer runs out by itself, so this is as safe as a read. */
  async #grantLease(key: string, ttlSeconds: number, opts: CallOptions): Promise<string> {
    const ttl = Math.max(1, Math.ceil(ttlSeconds))
    const { ID } = await this.#caller.read(`grant a lease for ${key}`, opts, (etcd, call) =>
      etcd.leaseClient.leaseGrant({ TTL: ttl }, call),
    )
    return ID
  }
}

const UNKNOWN: Verdict = { kind: 'unknown' }

const isAt = (key: string, modRevision: bigint): ICompare => ({
  key: Buffer.from(key),
  target: 'Mod',
  result: 'Equal',
  mod_revision: String(modRevision),
})

const putOp = (key: string, value: string): IRequestOp => ({
  request_put: { key: Buffer.from(key), value: Buffer.from(value), prev_kv: true },
})

/** What a successful transaction with `putOp` has stored. */
function writtenBy(answer: ITxnResponse, key: string, value: string): KeyValue {
  const modRevision = BigInt(answer.header.revision)
  const previous = answer.responses[0]?.response_put.prev_kv
  return { key, value, createRevision: previous ? BigInt(previous.create_revision) : modRevision, modRevision }
}

/** What a failed transaction found in place of what it wanted. */
function currentOf(answer: ITxnResponse): KeyValue | undefined {
  const [kv] = answer.responses[0]?.response_range.kvs ?? []
  return kv === undefined ? undefined : keyValueOf(kv)
}

function refusalOf(answer: ITxnResponse, action: string, key: string): CalicoError {
  const current = currentOf(answer)
  return current === undefined ? notFound(action, key) : conflict(action, key, current)
}

function unexpected(key: string): never {
  throw new Error(`etcd contradicts itself about ${key}`)
}
