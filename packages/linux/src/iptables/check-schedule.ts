const MAX_CHECK_MS = 3_600_000

/** When to read back, given how the last reads and writes went. */
export class CheckSchedule {
  at = Infinity
  readonly #firstMs: number
  readonly #longestMs: number
  #delayMs: number
  #peakReadMs = 0
  #peakWriteMs = 0

  constructor(firstMs: number, refreshMs: number) {
    this.#firstMs = firstMs
    this.#longestMs = refreshMs === 0 ? MAX_CHECK_MS : refreshMs
    this.#delayMs = this.#longestMs
  }

  /** Until a read succeeds, the retries of the caller count. */
  disarm(): void {
    this.at = Infinity
  }

  read(tookMs: number): void {
    this.#peakReadMs = Math.max(this.#peakReadMs, tookMs)
    this.#delayMs = Math.min(this.#delayMs * 2, this.#longestMs)
    this.#arm()
  }

  written(tookMs: number): void {
    this.#peakWriteMs = Math.max(this.#peakWriteMs, tookMs)
    this.#delayMs = Math.min(this.#firstMs, this.#longestMs)
    this.#arm()
  }

  #arm(): void {
    this.at = performance.now() + Math.max(this.#delayMs, 2 * (this.#peakReadMs + this.#peakWriteMs))
  }
}
