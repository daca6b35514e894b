import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { messageOf } from './errors.ts'

type ValuesOf<O extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: O }>>['values']

export interface Program<O extends ParseArgsOptionsConfig> {
  readonly name: string
  /** What the list of processes shows, by which tools tell those of a node apart; the name if absent. */
  readonly title?: string
  /** The answer to --help; ends with a newline. */
  readonly usage: string
  /** As of `parseArgs`; --help and --version come on top. */
  readonly options: O
  /** Words besides options; none if absent. */
  readonly allowPositionals?: boolean
  /** @returns the exit status; what it throws is told in one line, and the status is 1 */
  readonly run: (values: ValuesOf<O>, positionals: readonly string[]) => Promise<number>
}

/** The main function of a program: its command line, --help, --version, exit status and last words. */
export async function runProgram<O extends ParseArgsOptionsConfig>(program: Program<O>): Promise<void> {
  const { name, title = name, usage, options, allowPositionals = false, run } = program
  process.title = title
  try {
    const { values, positionals } = parseArgs<{ options: ParseArgsOptionsConfig; allowPositionals: boolean }>({
      options: { ...options, help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
      allowPositionals,
    })
    if (values['help'] === true) process.stdout.write(usage)
    else if (values['version'] === true) process.stdout.write(`${process.env['CALICO_BUILD_VERSION'] ?? 'unbundled'}\n`)
    else process.exitCode = await run(parseArgs({ options, allowPositionals }).values, positionals)
  } catch (err) {
    process.stderr.write(`${name}: ${messageOf(err)}\n`)
    process.exitCode = 1
  }
}

/** Aborts when the process is told to end. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  return stop.signal
}
