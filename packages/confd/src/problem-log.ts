import type { Logger } from '@calico-node/core'
import type { Problem } from './model/facts.ts'

const idOf = ({ kind, name, reason }: Problem): string => `${kind} ${name} ${reason}`

/** Says each problem once, when it turns up, and once more when it is gone. */
export class ProblemLog {
  readonly #log: Logger
  #known = new Map<string, Problem>()
  constructor(log: Logger) {
    this.#log = log
  }

  /** @param problems All that there are now, repetitions included. @returns the same without them */
  update(problems: readonly Problem[]): readonly Problem[] {
    const now = new Map(problems.map((problem) => [idOf(problem), problem]))
    for (const [id, { kind, name, reason }] of now) {
      if (!this.#known.has(id)) this.#log.warn('Resource needs mending', { kind, name, reason })
    }
    for (const [id, { kind, name, reason }] of this.#known) {
      if (!now.has(id)) this.#log.info('Resource mended', { kind, name, was: reason })
    }
    this.#known = now
    return [...now.values()]
  }
}
