/** The texts of `--help`. Pure. */
import type { Entry } from './argv.ts'
import type { Command } from './command.ts'
import type { OptionSpec } from './option.ts'

type Row = readonly [name: string, meaning: string]

export const GLOBALS: readonly Row[] = [
  ['-c, --config <file>', 'connection settings (default /etc/calico/calicoctl.cfg, else the environment)'],
  ['-l, --log-level <level>', 'panic, fatal, error, warn, info or debug (default panic)'],
  ['--allow-version-mismatch', 'work on a cluster of another version'],
  ['-h, --help', 'this text'],
]

const WIDTH = 80

/** Breaks text at spaces so that no line passes `width` columns. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current]
}

/**
 * Two columns, the second one wrapped; a long first column stands on a line of its own.
 *
 * @param like Rows that the columns are to fit, when there are more glossaries than one.
 */
function glossary(rows: readonly Row[], like: readonly Row[] = rows): string {
  const longest = Math.max(0, ...like.map(([name]) => name.length).filter((length) => length <= 30))
  const indent = ' '.repeat(longest + 4)
  return rows
    .map(([name, meaning]) => {
      const [first = '', ...more] = wrap(meaning, WIDTH - indent.length)
      const head = name.length > longest ? `  ${name}\n${indent}${first}` : `  ${name.padEnd(longest)}  ${first}`
      return [head, ...more.map((line) => indent + line)].join('\n')
    })
    .join('\n')
}

const paragraph = (text: string): string =>
  text
    .split('\n')
    .flatMap((line) => wrap(line, WIDTH))
    .join('\n')

/** All commands whose path begins with `prefix`, by the order of the table; those of the whole program under headings. */
export function renderGroupHelp(prefix: string, entries: readonly Entry[]): string {
  const usage = `Usage: calicoctl ${prefix === '' ? '' : `${prefix} `}<command> [options]`
  const rowOf = ({ path, summary }: Entry): Row => [path.slice(prefix.length).trim(), summary]
  const all = entries.map(rowOf)
  const sections = prefix === '' ? Map.groupBy(entries, ({ heading }) => heading) : new Map([[undefined, entries]])
  const lists = [...sections].map(
    ([heading, members]) => `${heading ?? 'Commands'}:\n${glossary(members.map(rowOf), all)}`,
  )
  const more = `Use "calicoctl ${prefix === '' ? '' : `${prefix} `}<command> --help" for its options and examples.`
  return `${usage}\n\n${lists.join('\n\n')}\n\nOptions everywhere:\n${glossary(GLOBALS)}\n\n${more}\n`
}

const shown = (option: OptionSpec<unknown>): boolean => !option.hidden

export function renderCommandHelp(entry: Entry, command: Command): string {
  const usage = command.usage ?? [entry.path, ...command.args].join(' ')
  const options = Object.values(command.options)
    .filter(shown)
    .map((option): [string, string] => [option.flags, option.help])
  const examples = command.examples.map(([line, meaning]) => `  # ${meaning}\n  calicoctl ${line}`)
  return (
    [
      `${entry.summary}.`,
      command.details === undefined ? undefined : paragraph(command.details),
      `Usage: calicoctl ${usage}${options.length > 0 ? ' [options]' : ''}`,
      options.length === 0 ? undefined : `Options:\n${glossary(options)}`,
      `Options everywhere:\n${glossary(GLOBALS)}`,
      examples.length === 0 ? undefined : `Examples:\n${examples.join('\n')}`,
    ]
      .filter((part) => part !== undefined)
      .join('\n\n') + '\n'
  )
}
