import { splitGlobals, type Entry } from './argv.ts'
import type { Command } from './command.ts'

const starting = (words: Iterable<string>, prefix: string): string[] =>
  [...new Set(words)].filter((word) => word.startsWith(prefix)).toSorted()

/** Words that may come next in the commands' own paths. */
function nextInPaths(entries: readonly Entry[], typed: readonly string[]): string[] {
  return entries.flatMap(({ path, alias }) => {
    const parts = path.split(' ')
    const next = parts[typed.length]
    return alias !== true && next !== undefined && typed.every((word, i) => word === parts[i]) ? [next] : []
  })
}

async function kindWords(): Promise<string[]> {
  const { ALL_KINDS, kindInfo } = await import('@calico-node/model')
  return ALL_KINDS.flatMap((kind) => kindInfo(kind).plural)
}

/** Values that may follow, when the word before is an option that knows its values. */
function valuesOf(command: Command | undefined, before: string | undefined): readonly string[] {
  const options = Object.values(command?.options ?? {})
  return options.find(({ flags }) => flags.split(/[ ,]+/).includes(before ?? ''))?.words ?? []
}

/**
 * What may be typed in place of the last word.
 *
 * @param typed All words after the program's name; the last one is being typed and may be empty.
 * @param namesOf Names of the resources of a kind, by a word for it.
 */
export async function completeWords(
  typed: readonly string[],
  entries: readonly Entry[],
  namesOf: (kind: string) => Promise<readonly string[]>,
): Promise<string[]> {
  const last = typed.at(-1) ?? ''
  const before = splitGlobals(typed.slice(0, -1)).words
  const entry = entries.find(({ path }) => before.join(' ') === path || before.join(' ').startsWith(`${path} `))
  const command = await entry?.load()
  const values = valuesOf(command, before.at(-1))
  if (values.length > 0) return starting(values, last)
  if (last.startsWith('-')) {
    const options = Object.values(command?.options ?? {})
    const names = options.filter(({ hidden }) => !hidden).flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? [])
    return starting([...names, '--config', '--log-level', '--help'], last)
  }
  const paths = starting(nextInPaths(entries, before), last)
  if (paths.length > 0 || entry === undefined || command?.args[0]?.includes('kind') !== true) return paths
  const [kind] = before.slice(entry.path.split(' ').length).filter((word) => !word.startsWith('-'))
  return starting(kind === undefined ? await kindWords() : await namesOf(kind), last)
}
