/**
 * Passes values from several producers to one consumer without a buffer: `put` returns once its value has been taken, so
 * a slow consumer slows its producers down instead of filling memory.
 */
export class Handoff<T> {
  readonly #offers: { readonly value: T; readonly taken: () => void }[] = []
  #wakeUp: () => void = () => undefined
  #state: { readonly open: true } | { readonly open: false; readonly error?: unknown } = { open: true }

  /** Resolves when the consumer has taken `value`, or at once when nobody will. */
  async put(value: T): Promise<void> {
    if (!this.#state.open) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#offers.push({ value, taken: resolve })
    this.#wakeUp()
    await promise
  }

  /** No more values: the consumer's loop ends after those on offer, with `error` if there is one. */
  end(error?: unknown): void {
    if (!this.#state.open) return
    this.#state = error === undefined ? { open: false } : { open: false, error }
    this.#wakeUp()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const offer = this.#offers.shift()
        if (offer !== undefined) {
          offer.taken()
          yield offer.value
        } else if (this.#state.open) {
          await new Promise<void>((resolve) => {
            this.#wakeUp = resolve
          })
        } else if ('error' in this.#state) {
          throw this.#state.error
        } else return
      }
    } finally {
      this.end()
      for (const { taken } of this.#offers.splice(0)) taken()
    }
  }
}
