/**
 * One run of the program, from words to exit status. Streams are parameters, so a whole run can be tested in process.
 */
import { messageOf, type Logger } from '@calico-node/core'
import { renderBlock } from '../output/block.ts'
import { resolveCommand, splitGlobals, type Entry, type GlobalOptions } from './argv.ts'
import type { Outcome, Running } from './command.ts'
import { CliContext, type Env } from './context.ts'
import { renderCommandHelp, renderGroupHelp } from './help.ts'
import { parseWords } from './parse.ts'

export interface Streams {
  stdout(text: string): void
  stderr(text: string): void
  readStdin(): Promise<string>
  readLine(signal: AbortSignal): Promise<string | undefined>
}

export interface RunInput {
  readonly argv: readonly string[]
  readonly entries: readonly Entry[]
  readonly env: Env
  readonly streams: Streams
  readonly signal: AbortSignal
  readonly colours: boolean
  readonly logger: (level: string | undefined) => Promise<Logger>
}

const isRunning = (result: Promise<Outcome> | Running): result is Running => Symbol.asyncIterator in result

async function finish(result: Promise<Outcome> | Running, streams: Streams): Promise<Outcome> {
  if (!isRunning(result)) return result
  for (;;) {
    const next = await result.next()
    if (next.done === true) return next.value
    streams.stdout(renderBlock(next.value))
  }
}

/** @returns The exit status: 0, 1 for any error, or what the command says (`node status`: 2). */
export async function runCli(input: RunInput): Promise<number> {
  const { streams } = input
  try {
    const { globals, words } = splitGlobals(input.argv)
    const resolved = resolveCommand(globals.version ? ['version'] : words, input.entries)
    if (resolved.kind === 'group') {
      streams.stdout(renderGroupHelp(resolved.prefix, resolved.entries))
      return globals.help || words.length > 0 ? 0 : 1
    }
    return await runCommand(input, resolved.entry, resolved.rest, globals)
  } catch (err) {
    streams.stderr(`${messageOf(err)}\n`)
    return 1
  }
}

async function runCommand(
  { streams, env, signal, colours, logger }: RunInput,
  entry: Entry,
  words: readonly string[],
  globals: GlobalOptions,
): Promise<number> {
  const command = await entry.load()
  if (globals.help) {
    streams.stdout(renderCommandHelp(entry, command))
    return 0
  }
  const { args, options } = parseWords(entry, command, words)
  const context = new CliContext({
    env,
    signal,
    colours,
    log: await logger(globals.logLevel),
    configFile: globals.config,
    allowVersionMismatch: globals.allowVersionMismatch,
    readStdin: () => streams.readStdin(),
    readLine: (stop) => streams.readLine(stop),
  })
  try {
    const outcome = await finish(command.run(context, args, options), streams)
    for (const block of outcome.blocks ?? []) streams.stdout(renderBlock(block))
    for (const error of outcome.errors ?? []) streams.stderr(`${error}\n`)
    return outcome.exitCode ?? ((outcome.errors ?? []).length > 0 ? 1 : 0)
  } finally {
    await context.close()
  }
}
