/** The options of a command as one table: it gives the parser, the help, the completion and the types of the values. */
import { CalicoError, nearestName } from '@calico-node/core'

export interface OptionSpec<T> {
  /** As shown in help: `-f, --filename <file>`. A name in angle brackets means that a value follows. */
  readonly flags: string
  readonly help: string
  /** May be given several times; all values arrive. */
  readonly repeatable: boolean
  /** Words that the value may be, for completion. */
  readonly words?: readonly string[]
  /** Accepted, but not shown. */
  readonly hidden: boolean
  /** @param raw What was typed, in order; empty when absent. @throws INVALID */
  read(raw: readonly string[]): T
}

export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>
export type OptionsOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends OptionSpec<infer V> ? V : never
}

const base = { repeatable: false, hidden: false } as const

/** Present or not. */
export const flag = (flags: string, help: string): OptionSpec<boolean> => ({
  ...base,
  flags,
  help,
  read: (raw) => raw.length > 0,
})

/** Still accepted for the sake of old scripts, not shown. */
export const hidden = <T>(spec: OptionSpec<T>): OptionSpec<T> => ({ ...spec, hidden: true })

export const text = (flags: string, help: string): OptionSpec<string | undefined> => ({
  ...base,
  flags,
  help,
  read: (raw) => raw.at(-1),
})

export const textOr = (flags: string, help: string, fallback: string): OptionSpec<string> => ({
  ...base,
  flags,
  help: `${help} (default ${fallback})`,
  read: (raw) => raw.at(-1) ?? fallback,
})

export const list = (flags: string, help: string): OptionSpec<readonly string[]> => ({
  ...base,
  repeatable: true,
  flags,
  help,
  read: (raw) => raw,
})

/** A value read by `parse`, whose error names the option; `words` are some that it may be. */
export const value = <T>(
  flags: string,
  help: string,
  parse: (text: string) => T,
  words?: readonly string[],
): OptionSpec<T | undefined> => ({
  ...base,
  ...(words !== undefined && { words }),
  flags,
  help,
  read: (raw) => {
    const typed = raw.at(-1)
    return typed === undefined ? undefined : parse(typed)
  },
})

export function oneOf<const T extends readonly string[]>(
  flags: string,
  help: string,
  words: T,
): OptionSpec<T[number] | undefined> {
  const read = (raw: readonly string[]): T[number] | undefined => {
    const typed = raw.at(-1)
    if (typed === undefined) return undefined
    const found = words.find((word) => word === typed)
    if (found !== undefined) return found
    const near = nearestName(typed, words)
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    throw new CalicoError('INVALID', `Cannot use ${longName(flags)} "${typed}": want ${words.join(', ')}${hint}`)
  }
  return { ...base, words, flags, help: `${help}: ${words.join(', ')}`, read }
}

/** `--filename` of `-f, --filename <file>`. */
export const longName = (flags: string): string => /--[\w-]+/.exec(flags)?.[0] ?? flags
