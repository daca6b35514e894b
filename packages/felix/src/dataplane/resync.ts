/** What can drift behind our back, each with a timer of its own. Rule tables keep their own timers, which follow their writes. */
export type ResyncTarget = 'sets' | 'routes'

export interface ResyncOptions {
  /** Time between two full read-backs, in milliseconds; 0 = never. */
  readonly intervalMs: Readonly<Record<ResyncTarget, number>>
  /** Monotonic clock in milliseconds. */
  readonly now: () => number
  /** Uniform source in [0, 1). */
  readonly random: () => number
}

/** How far a timer strays from its interval, so that the nodes of a cluster do not read back in step. */
const JITTER = 0.1

/** Says which read-backs are due, and when the next one will be. */
export class ResyncSchedule {
  readonly #options: ResyncOptions
  readonly #due = new Map<ResyncTarget, number>()

  constructor(options: ResyncOptions) {
    this.#options = options
    for (const target of ['sets', 'routes'] as const) this.#arm(target)
  }

  /** Targets whose time has come; each is armed again. */
  takeDue(): ResyncTarget[] {
    const now = this.#options.now()
    const due = [...this.#due].filter(([, at]) => at <= now).map(([target]) => target)
    for (const target of due) this.#arm(target)
    return due
  }

  /** Something may have drifted: read back with the next pass. */
  hint(target: ResyncTarget): void {
    this.#due.set(target, this.#options.now())
  }

  /** Milliseconds until something is due; undefined = never. */
  delayMs(): number | undefined {
    return this.#due.size === 0 ? undefined : Math.max(0, Math.min(...this.#due.values()) - this.#options.now())
  }

  #arm(target: ResyncTarget): void {
    const { intervalMs, now, random } = this.#options
    const interval = intervalMs[target]
    if (interval > 0) this.#due.set(target, now() + interval * (1 - JITTER + 2 * JITTER * random()))
    else this.#due.delete(target)
  }
}
