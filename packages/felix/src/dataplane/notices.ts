import type { Logger } from '@calico-node/core'
import type { Problem } from './supervised.ts'

/** What a person should mend although everything works as well as it can; told once, and once when it is mended. */
export class Notices {
  readonly #log: Logger
  readonly #now: () => number
  readonly #standing = new Map<string, Problem>()

  constructor({ log, now }: { readonly log: Logger; readonly now: () => number }) {
    this.#log = log
    this.#now = now
  }

  /** @param reasons Everything that this owner has to say. */
  set(owner: string, reasons: readonly string[]): void {
    const wanted = new Map(reasons.map((reason) => [`${owner}: ${reason}`, reason]))
    for (const [key, { what, reason }] of this.#standing) {
      if (what !== owner || wanted.has(key)) continue
      this.#standing.delete(key)
      this.#log.info('Mended', { what, reason })
    }
    for (const [key, reason] of wanted) {
      if (this.#standing.has(key)) continue
      this.#standing.set(key, { what: owner, reason, failures: 1, parts: [], interfaces: [], since: this.#now() })
      this.#log.warn('Needs attention', { what: owner, reason })
    }
  }

  problems(): Problem[] {
    return [...this.#standing.values()]
  }
}
