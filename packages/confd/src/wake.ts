/** A flag that one loop sleeps on and others raise. Raising it while the loop works makes the next wait return at once. */
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
    this.#raised = false
  }
}
