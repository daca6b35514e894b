/** Who tells of changes that others make to a table; with 'lock', only of those under the lock file that we share with them. */
export type RuleWatch = 'kernel' | 'lock' | 'none'

export interface CheckScheduleOptions {
  /** From a write to the first check; each further one comes twice as late. In milliseconds. */
  readonly firstMs: number
  /** No two checks are further apart; 0 = no such limit. In milliseconds. */
  readonly refreshMs: number
  /** Hints that come during a write, or so many milliseconds after, are taken for its echo. */
  readonly echoMs: number
}

const NEVER_LONGER_MS = 3_600_000
/** Even when reading costs next to nothing, it is not done more often than this without cause. */
const IDLE_CHECK_MS: Readonly<Record<RuleWatch, number>> = { none: 10_000, lock: 30_000, kernel: NEVER_LONGER_MS }
/** Reading back without cause takes at most one part in this many of the time; because of hints, in this many. */
const IDLE_SHARE = 200
const HINT_SHARE = 10
/** Hints come in bursts. */
const HINT_DELAY_MS = 50

/**
 * When to read a table back. After a write: at `firstMs`, then twice as late each time, until checks come at the pace that an
 * idle table needs and can afford: some seconds for a small one that nobody watches, minutes for a very large one, and never
 * later than `refreshMs`. A hint brings the next check forward.
 */
export class CheckSchedule {
  readonly #options: CheckScheduleOptions
  #watch: RuleWatch = 'none'
  #timedAt = Infinity
  /** When the first hint came that no check has answered. */
  #hintedAt = Infinity
  #delayMs = Infinity
  #readAt = -Infinity
  #readMs = 0
  #writeMs = 0
  #echoUntil = -Infinity

  constructor({ refreshMs, ...rest }: CheckScheduleOptions) {
    this.#options = { ...rest, refreshMs: refreshMs === 0 ? NEVER_LONGER_MS : refreshMs }
  }

  /** On the clock of `performance.now`. Infinity from when a read begins until one succeeds: the retries of the caller count. */
  get at(): number {
    if (this.#timedAt === Infinity) return Infinity
    const answerAt = Math.max(this.#hintedAt + HINT_DELAY_MS, this.#readAt + HINT_SHARE * this.#readMs)
    return Math.min(this.#timedAt, answerAt)
  }

  /** What is hinted at from now on may come too late for this read. */
  reading(): void {
    this.#timedAt = this.#hintedAt = Infinity
  }

  read(tookMs: number): void {
    this.#readMs = tookMs
    this.#readAt = performance.now()
    this.#arm(this.#delayMs * 2)
  }

  written(tookMs: number): void {
    const now = performance.now()
    const { echoMs, firstMs } = this.#options
    this.#writeMs = tookMs
    this.#echoUntil = now + echoMs
    if (echoMs > 0 && this.#hintedAt >= now - tookMs) this.#hintedAt = Infinity
    this.#arm(firstMs)
  }

  /** Somebody changed the table. */
  hint(): void {
    const now = performance.now()
    if (now >= this.#echoUntil) this.#hintedAt = Math.min(this.#hintedAt, now)
  }

  /** A check that is due soon stays so: somebody who has just begun to watch has missed what was before. */
  watchedBy(watch: RuleWatch): void {
    this.#watch = watch
    if (this.#timedAt !== Infinity) this.#timedAt = Math.min(this.#timedAt, performance.now() + this.#idleMs())
  }

  #arm(wantedMs: number): void {
    this.#delayMs = Math.min(wantedMs, this.#idleMs())
    this.#timedAt = performance.now() + Math.max(this.#delayMs, 2 * (this.#readMs + this.#writeMs))
  }

  #idleMs(): number {
    return Math.min(Math.max(IDLE_CHECK_MS[this.#watch], IDLE_SHARE * this.#readMs), this.#options.refreshMs)
  }
}
