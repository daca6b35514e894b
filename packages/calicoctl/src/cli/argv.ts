/** From what was typed to which command it means. Pure. */
import { CalicoError, nearestName } from '@calico-node/core'
import type { Command } from './command.ts'

/** A command under the words that name it. The module behind it is read only when it is needed. */
export interface Entry {
  readonly path: string
  readonly summary: string
  readonly load: () => Promise<Command>
  /** Another name of a command that is listed elsewhere. */
  readonly alias?: boolean
  /** What it is listed under in the help of the whole program. */
  readonly heading?: string
}

/** Options that every command has; they may stand anywhere. */
export interface GlobalOptions {
  readonly config: string | undefined
  readonly logLevel: string | undefined
  readonly allowVersionMismatch: boolean
  readonly help: boolean
  readonly version: boolean
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const VALUED: Readonly<Record<string, 'config' | 'logLevel' | 'context'>> = {
  '-c': 'config',
  '--config': 'config',
  '-l': 'logLevel',
  '--log-level': 'logLevel',
  '--context': 'context',
}
const SWITCHES: Readonly<Record<string, 'allowVersionMismatch' | 'help' | 'version'>> = {
  '--allow-version-mismatch': 'allowVersionMismatch',
  '-h': 'help',
  '--help': 'help',
  '--version': 'version',
}

/** Takes the global options out of the words. `--context` chooses a Kubernetes cluster and means nothing here. */
export function splitGlobals(argv: readonly string[]): { globals: GlobalOptions; words: string[] } {
  const globals: Mutable<GlobalOptions> = {
    config: undefined,
    logLevel: undefined,
    allowVersionMismatch: false,
    help: false,
    version: false,
  }
  const words: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    if (word === '--') return { globals, words: [...words, ...argv.slice(i)] }
    const [name = '', ...rest] = word.split('=')
    const switched = SWITCHES[word]
    const valued = VALUED[name]
    if (switched !== undefined) globals[switched] = true
    else if (valued === undefined) words.push(word)
    else {
      const value = rest.length > 0 ? rest.join('=') : argv[++i]
      if (value === undefined) throw new CalicoError('INVALID', `Option ${name} needs a value`)
      if (valued !== 'context') globals[valued] = value
    }
  }
  return { globals, words }
}

/** Groups whose commands may name their object first: `container NAME ip add ...`. */
const OBJECT_FIRST: Readonly<Record<string, readonly string[]>> = {
  container: ['ip', 'profile', 'endpoint'],
  profile: ['tag', 'rule'],
  endpoint: ['profile'],
}

/** Puts the words of a command together: `container NAME ip add IP` becomes `container ip add NAME IP`. */
export function objectLast(words: readonly string[], paths: ReadonlySet<string>): readonly string[] {
  const [group = '', name = '', part = '', verb = '', ...rest] = words
  if (!(OBJECT_FIRST[group] ?? []).includes(part) || name.startsWith('-')) return words
  const known = [...paths].some((path) => path === `${group} ${name}` || path.startsWith(`${group} ${name} `))
  if (known && !paths.has(`${group} ${part} ${verb}`)) return words
  return verb === '' || verb.startsWith('-') ? [group, part, name] : [group, part, verb, name, ...rest]
}

export type Resolved =
  | { readonly kind: 'command'; readonly entry: Entry; readonly rest: readonly string[] }
  /** Nothing but the first words of commands: show what there is. */
  | { readonly kind: 'group'; readonly prefix: string; readonly entries: readonly Entry[] }

const inGroup = (entries: readonly Entry[], prefix: string): Entry[] =>
  entries.filter((entry) => entry.alias !== true && (prefix === '' || entry.path.startsWith(`${prefix} `)))

/**
 * Finds the command with the longest matching path.
 *
 * @throws INVALID for an unknown word, with the nearest known one
 */
export function resolveCommand(typed: readonly string[], entries: readonly Entry[]): Resolved {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]))
  const words = objectLast(typed, new Set(byPath.keys()))
  const optionAt = words.findIndex((word) => word.startsWith('-'))
  const leading = optionAt === -1 ? words : words.slice(0, optionAt)
  for (let length = Math.min(leading.length, 4); length > 0; length--) {
    const entry = byPath.get(leading.slice(0, length).join(' '))
    if (entry !== undefined) return { kind: 'command', entry, rest: words.slice(length) }
  }
  let depth = leading.length
  while (depth > 0 && !entries.some((entry) => entry.path.startsWith(`${leading.slice(0, depth).join(' ')} `))) depth--
  const prefix = leading.slice(0, depth).join(' ')
  const unknown = leading[depth]
  if (unknown === undefined) return { kind: 'group', prefix, entries: inGroup(entries, prefix) }
  const known = new Set(
    entries.flatMap((entry) => {
      const parts = entry.path.split(' ')
      const next = parts[depth]
      return next !== undefined && parts.slice(0, depth).join(' ') === prefix ? [next] : []
    }),
  )
  const near = nearestName(unknown, known)
  const hint =
    near === undefined ? `use "calicoctl ${prefix === '' ? '' : `${prefix} `}--help"` : `did you mean "${near}"?`
  throw new CalicoError('INVALID', `Unknown command "${[prefix, unknown].join(' ').trim()}": ${hint}`)
}
