import type { CallOptions as GrpcCallOptions } from '@grpc/grpc-js'
import type { Etcd3 } from 'etcd3'
import { backoffMs, CalicoError, sleep } from '@calico-node/core'
import type { CallOptions } from '../kv-store.ts'
import { abandoned } from '../store-errors.ts'
import type { EtcdClients } from './clients.ts'
import type { Failure } from './failures.ts'

/** What a member gets of the time for a call at least. */
const MIN_SHARE_MS = 1000

/** One try: sends the request with the call options it is given. */
export type Attempt<T> = (etcd: Etcd3, call: GrpcCallOptions) => Promise<T>

/**
 * Makes calls with a deadline and repeats them where that is safe: reads after any passing failure, writes only when it
 * is certain that the request was not carried out.
 */
export class Caller {
  readonly #clients: EtcdClients

  constructor(clients: EtcdClients) {
    this.#clients = clients
  }

  async read<T>(action: string, opts: CallOptions, attempt: Attempt<T>): Promise<T> {
    return this.#call(action, opts, attempt, 'read')
  }

  /** @throws AMBIGUOUS when the answer was lost, besides what `read` throws */
  async write<T>(action: string, opts: CallOptions, attempt: Attempt<T>): Promise<T> {
    return this.#call(action, opts, attempt, 'write')
  }

  async #call<T>(action: string, opts: CallOptions, attempt: Attempt<T>, kind: 'read' | 'write'): Promise<T> {
    const { signal, timeoutMs = this.#clients.timeoutMs } = opts
    const end = performance.now() + timeoutMs
    let ofCluster: CalicoError | undefined
    for (let failures = 0; ; failures++) {
      if (signal?.aborted === true) throw abandoned()
      try {
        const etcd = await this.#clients.get('calls')
        // With other members to turn to, no single one may use up the time.
        const share = Math.max(MIN_SHARE_MS, timeoutMs / Math.max(1, this.#clients.endpointCount))
        const left = Math.max(1, Math.min(share, end - performance.now()))
        return await orAbandon(attempt(etcd, { deadline: Date.now() + left }), signal)
      } catch (err) {
        const failure: Failure =
          err === GIVEN_UP
            ? { error: abandoned(), applied: 'maybe', passing: false, ofCluster: false }
            : this.#clients.explain(err, action)
        const { error, applied, passing } = failure
        if (kind === 'write' && applied === 'maybe') throw ambiguous(action, error)
        if (failure.ofCluster) ofCluster = error
        if (!passing) throw error
        // What one member knows of the cluster says more than that another cannot be reached.
        if (failures > this.#clients.endpointCount || performance.now() >= end) throw ofCluster ?? error
      }
      await sleep(backoffMs(failures, { baseMs: 50, capMs: 500 }), signal)
    }
  }
}

const ambiguous = (action: string, cause: CalicoError): CalicoError =>
  new CalicoError('AMBIGUOUS', `Cannot tell whether etcd did ${action}: ${cause.message}`, { cause })

const GIVEN_UP = Symbol('the caller gave up')

/** The package cannot cancel a call; its deadline ends it, and nobody waits for that. */
async function orAbandon<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = (): void => reject(GIVEN_UP)
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
