import type { Logger } from '@calico-node/core'

const REMINDER_MS = 60_000

/** Turns many failures of several parts into one outage: a log line when it begins, one a minute while it lasts. */
export class Outage {
  readonly #log: Logger
  readonly #what: string
  readonly #now: () => number
  readonly #down = new Set<string>()
  #beganAt = 0
  #loggedAt = 0
  #failures = 0

  /**
   * @param what Begins each line: "<what> lost, will retry".
   * @param opts.now Clock in milliseconds. Default `performance.now`.
   */
  constructor(what: string, log: Logger, opts: { readonly now?: () => number } = {}) {
    this.#what = what
    this.#log = log
    this.#now = opts.now ?? ((): number => performance.now())
  }

  failed(part: string, err: unknown): void {
    const now = this.#now()
    if (this.#down.size === 0) {
      this.#beganAt = now
      this.#loggedAt = now
      this.#failures = 0
      this.#log.warn(`${this.#what} lost, will retry`, { part, err })
    }
    this.#down.add(part)
    this.#failures += 1
    if (now - this.#loggedAt < REMINDER_MS) return
    this.#loggedAt = now
    const downSeconds = Math.round((now - this.#beganAt) / 1000)
    this.#log.warn(`${this.#what} still lost, will retry`, { part, failures: this.#failures, downSeconds, err })
  }

  recovered(part: string): void {
    if (!this.#down.delete(part) || this.#down.size > 0) return
    const downMs = Math.round(this.#now() - this.#beganAt)
    this.#log.info(`${this.#what} restored`, { failures: this.#failures, downMs })
  }
}
