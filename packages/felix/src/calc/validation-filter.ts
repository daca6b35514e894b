/**
 * Turns what the store says into facts. A value that does not parse or breaks a rule counts as missing, so that an old
 * one under its key does not go on applying; it is told once, and again when it is mended.
 */
import { messageOf } from '@calico-node/core'
import type { Input } from './inputs.ts'
import { inertRules } from './rule-scanner.ts'
import { SharedValues } from './shared-values.ts'
import { type ConversionRules, readInput, type Stored } from './sources.ts'

/** What is wrong with a value. */
export interface Fault {
  /** It counts as missing, or some of its rules match nothing. */
  readonly kind: 'invalid' | 'inert-rules'
  readonly reason: string
}

/** A fault that was found, changed, or (undefined) is no more. */
export interface Verdict {
  readonly key: string
  readonly fault: Fault | undefined
}

export interface Filtered {
  readonly inputs: readonly Input[]
  readonly verdicts: readonly Verdict[]
}

export class ValidationFilter {
  readonly #rules: ConversionRules
  readonly #faults = new Map<string, Fault>()

  constructor(rules: Omit<ConversionRules, 'shared'>) {
    this.#rules = { ...rules, shared: new SharedValues() }
  }

  /** How many values have a fault. */
  get faultCount(): number {
    return this.#faults.size
  }

  filter(updates: Iterable<{ readonly key: string; readonly kv: Stored | undefined }>): Filtered {
    const inputs: Input[] = []
    const verdicts: Verdict[] = []
    for (const { key, kv } of updates) {
      const { input, fault } = this.#read(key, kv)
      if (input !== undefined) inputs.push(input)
      if (fault?.reason !== this.#faults.get(key)?.reason) verdicts.push({ key, fault })
      if (fault === undefined) this.#faults.delete(key)
      else this.#faults.set(key, fault)
    }
    return { inputs, verdicts }
  }

  #read(key: string, kv: Stored | undefined): { readonly input: Input | undefined; readonly fault?: Fault } {
    try {
      const input = readInput(key, kv, this.#rules)
      const inert = input?.kind === 'policy' || input?.kind === 'profile' ? inertRules(input.value?.rules) : []
      return inert.length === 0 ? { input } : { input, fault: { kind: 'inert-rules', reason: inert.join('; ') } }
    } catch (err) {
      return { input: readInput(key, undefined, this.#rules), fault: { kind: 'invalid', reason: messageOf(err) } }
    }
  }
}
