/** Lets one waiter sleep until it is poked. A poke while nobody waits is remembered. */
export class Wakeup {
  #poked = false
  #wake: (() => void) | undefined

  poke(): void {
    this.#poked = true
    this.#wake?.()
  }

  /** Returns after a poke or after `timeoutMs` (undefined = never). */
  async wait(timeoutMs: number | undefined): Promise<void> {
    if (!this.#poked) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs)
      })
      clearTimeout(timer)
      this.#wake = undefined
    }
    this.#poked = false
  }
}
