/**
 * One watch over one stream of etcd's watch service.
 *
 * The package's own watcher moves its resume point with whatever revision the server happens to mention and so loses
 * events; here it moves only with events that were delivered, and with progress notices, which say that all is delivered.
 */
import { Readable } from 'node:stream'
import type { Etcd3, IDuplexStream, IWatchRequest, IWatchResponse } from 'etcd3'
import { CalicoError } from '@calico-node/core'
import type { WatchBatch } from '../kv-store.ts'
import { revisionGone } from '../store-errors.ts'
import { eventOf, prefixRange } from './wire.ts'

type WatchStream = IDuplexStream<IWatchRequest, IWatchResponse>

export interface WatchTarget {
  readonly prefix: string
  readonly fromRevision: bigint
  /** How long etcd may take to confirm the watch. */
  readonly openTimeoutMs: number
}

/** @throws COMPACTED, or what the stream ended with, unexplained */
export async function* watchPrefix(etcd: Etcd3, target: WatchTarget, signal: AbortSignal): AsyncGenerator<WatchBatch> {
  const { prefix, fromRevision, openTimeoutMs } = target
  const stream = await etcd.watchClient.watch()
  const inbox = new Inbox(stream)
  const silence = setTimeout(() => inbox.fail(noAnswer(prefix, openTimeoutMs)), openTimeoutMs)
  const stop = (): void => inbox.fail(ABORTED)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  let nextRevision = fromRevision
  try {
    const start = { start_revision: String(fromRevision), prev_kv: true, progress_notify: true }
    stream.write({ create_request: { ...prefixRange(prefix), ...start } })
    for (;;) {
      const message = await inbox.next()
      clearTimeout(silence)
      assertAlive(message, prefix, nextRevision)
      const batch = readBatch(message, nextRevision)
      nextRevision = batch.nextRevision
      if (message.created || batch.events.length > 0 || message.events.length === 0) yield batch
    }
  } catch (err) {
    if (err !== ABORTED) throw err
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', stop)
    inbox.fail(ABORTED)
    stream.end() // first, or the package takes the cancellation for a failure of the host
    stream.cancel()
  }
}

function readBatch(message: IWatchResponse, nextRevision: bigint): WatchBatch {
  const events = message.events.map(eventOf).filter((event) => revisionOf(event) >= nextRevision)
  const last = events.at(-1)
  if (last !== undefined) return { events, nextRevision: revisionOf(last) + 1n }
  const head = BigInt(message.header.revision)
  const isProgress = !message.created && message.events.length === 0
  return { events, nextRevision: isProgress && head >= nextRevision ? head + 1n : nextRevision }
}

const revisionOf = (event: WatchBatch['events'][number]): bigint =>
  event.type === 'put' ? event.kv.modRevision : event.modRevision

function assertAlive(message: IWatchResponse, prefix: string, nextRevision: bigint): void {
  if (message.canceled) {
    if (message.compact_revision !== '0') {
      throw revisionGone(prefix, nextRevision, `compacted up to ${message.compact_revision}`)
    }
    throw new Error(`rpc error: ${message.cancel_reason || 'etcd cancelled the watch'}`)
  }
  const head = BigInt(message.header.revision)
  if (message.created && head + 1n < nextRevision)
    throw revisionGone(prefix, nextRevision, `the store is at ${head} only`)
}

const noAnswer = (prefix: string, ms: number): CalicoError =>
  new CalicoError('STORE_UNAVAILABLE', `Cannot watch ${prefix}: etcd did not confirm it within ${ms} ms`)

const ABORTED = Symbol('aborted')

/** Messages that arrived, waiting to be read; holds the stream back while a few are waiting. */
class Inbox {
  readonly #messages: IWatchResponse[] = []
  readonly #stream: Readable | undefined
  #failure: { readonly reason: unknown } | undefined
  #wakeUp: () => void = () => undefined

  constructor(stream: WatchStream) {
    this.#stream = stream instanceof Readable ? stream : undefined
    stream.on('data', (message) => this.#receive(message))
    stream.on('error', (err) => this.fail(err))
    stream.on('end', () => this.fail(new Error('UNAVAILABLE: etcd ended the stream')))
  }

  /** The next message, or the reason why there will be none. */
  async next(): Promise<IWatchResponse> {
    for (;;) {
      const message = this.#messages.shift()
      if (this.#failure?.reason === ABORTED) throw ABORTED
      if (message !== undefined) return message
      if (this.#failure !== undefined) throw this.#failure.reason
      this.#stream?.resume()
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve
      })
    }
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#wakeUp()
  }

  #receive(message: IWatchResponse): void {
    this.#messages.push(message)
    if (this.#messages.length >= 4) this.#stream?.pause()
    this.#wakeUp()
  }
}
