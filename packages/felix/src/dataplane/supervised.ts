import { backoffMs, CalicoError, type Logger, messageOf } from '@calico-node/core'
import type { Driver } from '@calico-node/linux'

export interface SupervisedOptions {
  /** For people: "IPv4 filter rules". */
  readonly what: string
  readonly log: Logger
  /** Monotonic clock in milliseconds. */
  readonly now: () => number
}

/** Something that could not be applied, for health, status and metrics. */
export interface Failure {
  readonly what: string
  readonly reason: string
  readonly failures: number
  /** Names of what failed, when the rest stands; absent when nothing is known to stand. */
  readonly parts?: readonly string[]
  /** Interfaces whose workloads suffer from it, as far as known. */
  readonly interfaces: readonly string[]
  /** On the clock of the options. */
  readonly since: number
}

/** Largest pause between two tries. */
const RETRY_CAP_MS = 10_000
/** A failure that goes on is logged this often. */
const REMINDER_MS = 60_000

/**
 * A driver with somebody to look after it: catches what it throws, keeps the failure for people to see, and knows when the
 * driver wants to be called again. Where the driver has no wish of its own, a failure is tried again with back-off.
 */
export class Supervised {
  readonly #driver: Driver
  readonly #options: SupervisedOptions
  #failure: Failure | undefined
  #retryAt = 0
  #remindAt = 0

  constructor(driver: Driver, options: SupervisedOptions) {
    this.#driver = driver
    this.#options = options
  }

  get failure(): Failure | undefined {
    return this.#failure
  }

  /** The kernel is as wanted, or all but some parts are, which the driver left as they were or closed. */
  get stands(): boolean {
    return this.#failure === undefined || this.#failure.parts !== undefined
  }

  queueResync(): void {
    this.#driver.queueResync()
  }

  /** Milliseconds until the driver wants to be called although nothing changed; undefined = it does not. */
  dueInMs(): number | undefined {
    if (this.#driver.dueInMs !== undefined) return this.#driver.dueInMs()
    return this.#failure && Math.max(0, this.#retryAt - this.#options.now())
  }

  /** Never throws. */
  async apply(signal: AbortSignal): Promise<void> {
    try {
      await this.#driver.apply(signal)
      this.#succeeded()
    } catch (err) {
      if (!signal.aborted) this.#failed(err)
    }
  }

  #succeeded(): void {
    const { what, log } = this.#options
    if (this.#failure !== undefined) log.info('Applied at last', { what, failures: this.#failure.failures })
    this.#failure = undefined
  }

  #failed(err: unknown): void {
    const { what, log, now } = this.#options
    const { failures: before = 0, since = now() } = this.#failure ?? {}
    const failures = before + 1
    this.#retryAt = now() + backoffMs(before, { capMs: RETRY_CAP_MS })
    const parts =
      namesIn(err, 'chains') ?? namesIn(err, 'names') ?? namesIn(err, 'failed') ?? namesIn(err, 'interfaces')
    const interfaces = namesIn(err, 'interfaces') ?? []
    this.#failure = { what, reason: reasonOf(err), failures, since, interfaces, ...(parts && { parts }) }
    if (before > 0 && now() < this.#remindAt) return
    this.#remindAt = now() + REMINDER_MS
    log.warn('Could not be applied, will retry', { what, failures, err })
  }
}

/** What the error says and, below it, what caused it, down to what a tool said. */
function reasonOf(err: unknown): string {
  const cause = err instanceof Error ? err.cause : undefined
  const isTelling = cause instanceof CalicoError || cause instanceof AggregateError
  return isTelling ? `${messageOf(err)}: ${reasonOf(cause)}` : messageOf(err)
}

/** Drivers name the objects that failed in the context of their error, under a word of their own. */
function namesIn(err: unknown, word: string): readonly string[] | undefined {
  const names = err instanceof CalicoError ? err.context[word] : undefined
  return Array.isArray(names) ? names.map(String) : undefined
}
