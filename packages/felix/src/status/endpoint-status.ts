/**
 * Tells the cluster whether each endpoint of this node is up.
 *
 * A state waits at least one tick before it is written, so that a flapping interface costs one write a tick at most.
 * Each tick writes a tenth of what waits (upstream writes one key, which takes a node with 1,000 endpoints a quarter of
 * an hour). Now and then, and at the start, the keys of this node are read back and repaired: that is how a restarted
 * Felix finds what its predecessor left. Nothing is written before the data plane is in sync, since everything would
 * look down.
 */
import { hasCode, type Logger, sleep } from '@calico-node/core'
import type { KvStore } from '@calico-node/datastore'
import type { EndpointState } from '../calc/messages.ts'

const WRITE_TIMEOUT_MS = 2000
const TICKS_BETWEEN_REPAIRS = 180
const JITTER = 0.1

export interface EndpointStatusOptions {
  readonly store: KvStore
  /** What the keys of this node begin with. */
  readonly prefixes: readonly string[]
  /** Length of a tick, asked for each time. */
  readonly delayMs: () => number
  readonly log: Logger
}

export class EndpointStatus {
  readonly #options: EndpointStatusOptions
  readonly #wanted = new Map<string, EndpointState>()
  /** Keys that differ from the store or may do so: those that have waited a tick, and those that have not. */
  readonly #ready = new Set<string>()
  readonly #fresh = new Set<string>()
  /** Opens when the states are complete, or when there is no more point in waiting. */
  readonly #gate = Promise.withResolvers<void>()
  #failing = false

  constructor(options: EndpointStatusOptions) {
    this.#options = options
  }

  /** @param state Undefined when the endpoint is gone. */
  set(key: string, state: EndpointState | undefined): void {
    if (this.#wanted.get(key) === state) return
    if (state === undefined) this.#wanted.delete(key)
    else this.#wanted.set(key, state)
    this.#ready.delete(key)
    this.#fresh.add(key)
  }

  /** The states known so far are complete. */
  start(): void {
    this.#gate.resolve()
  }

  /** Writes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#gate.resolve(), { once: true })
    if (!signal.aborted) await this.#gate.promise
    let ticksToRepair = 0
    while (!signal.aborted) {
      if (ticksToRepair-- <= 0 && (await this.#guard(() => this.#compareWithStore())))
        ticksToRepair = TICKS_BETWEEN_REPAIRS
      const batch = [...this.#ready].slice(0, Math.ceil(this.#ready.size / 10))
      for (const key of batch) await this.#guard(() => this.#write(key))
      for (const key of this.#fresh) this.#ready.add(key)
      this.#fresh.clear()
      await sleep(this.#options.delayMs() * (1 + JITTER * (2 * Math.random() - 1)), signal)
    }
  }

  async #write(key: string): Promise<void> {
    const { store } = this.#options
    const state = this.#wanted.get(key)
    if (state === undefined) await store.delete(key, { timeoutMs: WRITE_TIMEOUT_MS }).catch(ignoreMissing)
    else await store.put(key, statusText(state), { timeoutMs: WRITE_TIMEOUT_MS })
    if (this.#wanted.get(key) === state) this.#ready.delete(key) // else it changed while it was written
  }

  async #compareWithStore(): Promise<void> {
    const stored = new Map<string, string>()
    for (const prefix of this.#options.prefixes) {
      for (const { key, value } of (await this.#options.store.list(prefix)).kvs) stored.set(key, value)
    }
    for (const key of stored.keys()) if (!this.#wanted.has(key)) this.#ready.add(key)
    for (const [key, state] of this.#wanted) if (stored.get(key) !== statusText(state)) this.#ready.add(key)
  }

  /** @returns Whether it worked; if not, it is tried again. */
  async #guard(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      if (this.#failing) this.#options.log.info('Status of endpoints is reported again')
      this.#failing = false
    } catch (err) {
      if (!this.#failing) this.#options.log.warn('Status of endpoints could not be reported, will retry', { err })
      this.#failing = true
    }
    return !this.#failing
  }
}

const statusText = (status: EndpointState): string => JSON.stringify({ status })

function ignoreMissing(err: unknown): undefined {
  if (hasCode(err, 'NOT_FOUND')) return undefined
  throw err
}
