import { splitGlobals, type Entry } from './argv.ts'

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

/**
 * What may be typed in place of the last word.
 *
 * @param typed All words after the program's name; the last one is being typed and may be empty.
 */
export async function completeWords(typed: readonly string[], entries: readonly Entry[]): Promise<string[]> {
  const last = typed.at(-1) ?? ''
  const before = splitGlobals(typed.slice(0, -1)).words
  const command = entries.find(({ path }) => before.join(' ') === path || before.join(' ').startsWith(`${path} `))
  if (last.startsWith('-')) {
    const options = command === undefined ? [] : Object.values((await command.load()).options)
    const names = options.filter(({ hidden }) => !hidden).flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? [])
    return starting([...names, '--config', '--log-level', '--help'], last)
  }
  const paths = starting(nextInPaths(entries, before), last)
  if (paths.length > 0 || command === undefined) return paths
  const wantsKind = (await command.load()).args[0]?.includes('kind') === true
  const positional = before.slice(command.path.split(' ').length).filter((word) => !word.startsWith('-'))
  return wantsKind && positional.length === 0 ? starting(await kindWords(), last) : []
}
