const NEVER_LONGER_MS = 3_600_000
/** Even when reading costs next to nothing, it is not done more often than this without cause. */
const IDLE_CHECK_MS = 10_000
/** Reading back takes at most one part in this many of the time. */
const IDLE_SHARE = 200
/** Hints come in bursts. */
const HINT_DELAY_MS = 50
/** For so long after a write, hints are taken for its echo. */
const ECHO_MS = 300

/**
 * When to read a table back. After a write: at `firstMs`, then twice as late each time, until checks come at the pace that an
 * idle table can afford: some seconds for a small one, minutes for a very large one, and never later than `refreshMs` (0 = no
 * such limit). A hint brings the next check forward.
 */
export class CheckSchedule {
  at = Infinity
  readonly #firstMs: number
  readonly #refreshMs: number
  #delayMs = Infinity
  #readMs = 0
  #writeMs = 0
  #echoUntil = 0

  constructor(firstMs: number, refreshMs: number) {
    this.#firstMs = firstMs
    this.#refreshMs = refreshMs === 0 ? NEVER_LONGER_MS : refreshMs
  }

  /** Until a read succeeds, the retries of the caller count. */
  disarm(): void {
    this.at = Infinity
  }

  read(tookMs: number): void {
    this.#readMs = tookMs
    this.#arm(this.#delayMs * 2)
  }

  written(tookMs: number): void {
    this.#writeMs = tookMs
    this.#echoUntil = performance.now() + ECHO_MS
    this.#arm(this.#firstMs)
  }

  /** Somebody changed the table. */
  hint(): void {
    const now = performance.now()
    if (now < this.#echoUntil || this.at === Infinity) return
    this.at = Math.min(this.at, now + Math.max(HINT_DELAY_MS, this.#readMs))
  }

  #arm(wantedMs: number): void {
    const idleMs = Math.max(IDLE_CHECK_MS, IDLE_SHARE * this.#readMs)
    this.#delayMs = Math.min(wantedMs, idleMs, this.#refreshMs)
    this.at = performance.now() + Math.max(this.#delayMs, 2 * (this.#readMs + this.#writeMs))
  }
}
