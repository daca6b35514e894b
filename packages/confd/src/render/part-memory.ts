import type { Renderable } from '../model/bird-text.ts'

/** What is remembered beyond the items at hand: enough for the other family, and for items that come back. */
const SPARE = 1000

/**
 * Prints items of a list by one partial, each on its own, so that the text of an item depends on nothing else. One that was
 * printed before is not printed again: with one node more among 500, only one session is.
 */
export class PartMemory {
  readonly #print: (item: Renderable) => string
  readonly #texts = new Map<string, string>()

  /** @param print must depend on its argument only */
  constructor(print: (item: Renderable) => string) {
    this.#print = print
  }

  /** The texts of all items, in their order. @throws what `print` throws */
  printAll(items: readonly Renderable[]): string {
    if (this.#texts.size > SPARE + 4 * items.length) this.#texts.clear()
    return items.map((item) => this.#printOne(item)).join('')
  }

  #printOne(item: Renderable): string {
    const key = JSON.stringify(item)
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const text = this.#print(item)
    this.#texts.set(key, text)
    return text
  }
}
