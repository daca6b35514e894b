import { CalicoError } from '@calico-node/core'
import { Command as Parser, CommanderError, Option } from 'commander'
import type { Entry } from './argv.ts'
import type { Command, TypedOptions } from './command.ts'

export interface ParsedWords {
  readonly args: readonly unknown[]
  readonly options: TypedOptions
}

/** One helpful line: what is wrong, and how the command is used. */
function usageError(entry: Entry, command: Command, err: CommanderError): CalicoError {
  const [first = err.message, ...rest] = err.message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .split('\n')
  const hint = rest.join(' ').trim()
  const usage = command.usage ?? [entry.path, ...command.args].join(' ')
  const what = `${first.charAt(0).toUpperCase()}${first.slice(1)}${hint === '' ? '' : ` ${hint}`}`
  return new CalicoError('INVALID', `${what}. Usage: calicoctl ${usage}; see "calicoctl ${entry.path} --help"`, {
    cause: err,
  })
}

function given(value: unknown, negate: boolean): readonly string[] {
  if (negate) return value === false ? ['false'] : []
  if (Array.isArray(value)) return value.map(String)
  return value === true ? ['true'] : []
}

/**
 * Splits the words after a command's name into its arguments and options.
 *
 * @throws INVALID, with the usage, for an unknown option or a wrong number of arguments
 */
export function parseWords(entry: Entry, command: Command, words: readonly string[]): ParsedWords {
  const parser = new Parser(entry.path)
    .exitOverride()
    .helpOption(false)
    .configureOutput({ outputError: () => undefined })
  for (const arg of command.args) parser.argument(arg)
  const read = new Map<string, () => readonly string[]>()
  for (const [key, spec] of Object.entries(command.options)) {
    const option = new Option(spec.flags)
    // `--no-x` switches x off in commander, so it stands when its value is false.
    if (!option.negate) option.argParser<readonly string[] | undefined>((typed, before) => [...(before ?? []), typed])
    parser.addOption(option)
    read.set(key, () => given(parser.getOptionValue(option.attributeName()), option.negate))
  }
  try {
    parser.parse([...words], { from: 'user' })
  } catch (err) {
    if (err instanceof CommanderError) throw usageError(entry, command, err)
    throw err
  }
  const options = Object.fromEntries([...read].map(([key, values]) => [key, values()]))
  return { args: parser.processedArgs, options }
}
