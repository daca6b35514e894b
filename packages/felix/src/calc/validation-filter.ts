/**
 * Turns what the store says into facts. A value that does not parse or breaks a rule counts as missing, so that an old one
 * under its key does not go on applying; it is told once, and again when it is mended.
 */
import { messageOf } from '@calico-node/core'
import type { Input } from './inputs.ts'
import { type ConversionRules, readInput, type Stored } from './sources.ts'

export type Verdict =
  | { readonly kind: 'broken'; readonly key: string; readonly reason: string }
  | { readonly kind: 'mended'; readonly key: string }

export interface Filtered {
  readonly inputs: readonly Input[]
  /** What became known about the validity of keys. */
  readonly verdicts: readonly Verdict[]
}

export class ValidationFilter {
  readonly #rules: ConversionRules
  /** Why each broken key is broken. */
  readonly #broken = new Map<string, string>()

  constructor(rules: ConversionRules) {
    this.#rules = rules
  }

  /** How many keys count as missing because their values are invalid. */
  get brokenCount(): number {
    return this.#broken.size
  }

  filter(updates: Iterable<{ readonly key: string; readonly kv: Stored | undefined }>): Filtered {
    const inputs: Input[] = []
    const verdicts: Verdict[] = []
    for (const { key, kv } of updates) {
      const { input, reason } = this.#read(key, kv)
      if (input !== undefined) inputs.push(input)
      if (reason !== undefined && reason !== this.#broken.get(key)) verdicts.push({ kind: 'broken', key, reason })
      if (reason === undefined && this.#broken.has(key)) verdicts.push({ kind: 'mended', key })
      if (reason === undefined) this.#broken.delete(key)
      else this.#broken.set(key, reason)
    }
    return { inputs, verdicts }
  }

  #read(key: string, kv: Stored | undefined): { input: Input | undefined; reason?: string } {
    try {
      return { input: readInput(key, kv, this.#rules) }
    } catch (err) {
      return { input: readInput(key, undefined, this.#rules), reason: messageOf(err) }
    }
  }
}
