import type { Logger } from '@calico-node/core'

const REMINDER_MS = 60_000

/** The sentences of an outage. */
export interface OutageLines {
  readonly begins: string
  readonly lasts: string
  readonly ends: string
}

/** Turns many failures of several parts into one outage: a log line when it begins, one a minute while it lasts. */
export class Outage {
  readonly #lines: OutageLines
  readonly #log: Logger
  readonly #now: () => number
  readonly #down = new Set<string>()
  #beganAt = 0
  #loggedAt = 0
  #failures = 0

  /** @param opts.now Clock in milliseconds. Default `performance.now`. */
  constructor(lines: OutageLines, log: Logger, opts: { readonly now?: () => number } = {}) {
    this.#lines = lines
    this.#log = log
    this.#now = opts.now ?? ((): number => performance.now())
  }

  failed(part: string, err: unknown): void {
    const now = this.#now()
    if (this.#down.size === 0) {
      this.#beganAt = now
      this.#loggedAt = now
      this.#failures = 0
      this.#log.warn(this.#lines.begins, { part, err })
    }
    this.#down.add(part)
    this.#failures += 1
    if (now - this.#loggedAt < REMINDER_MS) return
    this.#loggedAt = now
    const downSeconds = Math.round((now - this.#beganAt) / 1000)
    this.#log.warn(this.#lines.lasts, { part, failures: this.#failures, downSeconds, err })
  }

  recovered(part: string): void {
    if (!this.#down.delete(part) || this.#down.size > 0) return
    const downMs = Math.round(this.#now() - this.#beganAt)
    this.#log.info(this.#lines.ends, { failures: this.#failures, downMs })
  }
}
