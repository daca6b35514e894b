import { setImmediate } from 'node:timers/promises'

/** How long a burst may hold up those who wait for its end. */
const BURST_MS = 50

/**
 * A flag that one loop sleeps on and others raise. Raising it while the loop works makes the next wait return at once. What
 * is raised turn by turn of the event loop is one burst, such as a list that arrives in pieces: the wait ends behind it.
 */
export class Wake {
  #raised = false
  #resolve: (() => void) | undefined

  raise(): void {
    this.#raised = true
    this.#resolve?.()
  }

  /** Returns when the flag is raised (and lowers it), when `timeoutMs` is over, or when `signal` aborts. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#raised && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const end = (): void => resolve()
      this.#resolve = end
      const timer = setTimeout(end, timeoutMs)
      signal.addEventListener('abort', end, { once: true })
      await promise
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      this.#resolve = undefined
    }
    const end = performance.now() + BURST_MS
    while (this.#raised && performance.now() < end) {
      this.#raised = false
      await setImmediate()
    }
    this.#raised = false
  }
}
