/**
 * What a command is. A command returns data: blocks for standard output, messages for standard error, an exit status.
 * Only `main` prints, so that every command can be tested as a function.
 */
import type { Block } from '../output/block.ts'
import type { Context } from './context.ts'
import type { OptionsOf, OptionTable } from './option.ts'

export interface Outcome {
  readonly blocks?: readonly Block[]
  /** Messages for people, one a line, on standard error. */
  readonly errors?: readonly string[]
  /** Default: 1 when there are errors, else 0. */
  readonly exitCode?: number
}

/** Blocks as they come up (watching, polling, a long check), then the rest. */
export type Running = AsyncGenerator<Block, Outcome>

/** `<name>` is required, `[name]` may be left out, `...` takes the rest. */
type ArgumentOf<S extends string> = S extends `${string}...${string}`
  ? readonly string[]
  : S extends `<${string}>`
    ? string
    : string | undefined
export type ArgumentsOf<A extends readonly string[]> = { readonly [K in keyof A]: ArgumentOf<A[K]> }

export interface CommandSpec<A extends readonly string[], O extends OptionTable> {
  readonly args: A
  readonly options: O
  /** [what follows `calicoctl`, what it does] */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** More than the summary: what the command changes, what its output means. */
  readonly details?: string
  /** How it is typed, when the words are not in the order of its path: `container <container> ip add <ip>`. */
  readonly usage?: string
  run(context: Context, args: ArgumentsOf<A>, options: OptionsOf<O>): Promise<Outcome> | Running
}

/** A command whose arguments and options are checked when it is run. */
export interface Command {
  readonly args: readonly string[]
  readonly options: OptionTable
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  readonly details?: string
  readonly usage?: string
  /** @param args One entry per argument of the table, as commander collects them. @param typed Values per option. */
  run(context: Context, args: readonly unknown[], typed: TypedOptions): Promise<Outcome> | Running
}
export type TypedOptions = Readonly<Record<string, readonly string[]>>

/** Ties the tables of arguments and options to the types that `run` sees. */
export function defineCommand<const A extends readonly string[], O extends OptionTable>(
  spec: CommandSpec<A, O>,
): Command {
  return {
    ...spec,
    run(context, args, typed) {
      const options = Object.fromEntries(
        Object.entries(spec.options).map(([key, option]) => [key, option.read(typed[key] ?? [])]),
      )
      // The one place where typed words become typed values: commander has checked the number of arguments, and each
      // option was read by its own row of the table.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return spec.run(context, args as ArgumentsOf<A>, options as OptionsOf<O>)
    },
  }
}
