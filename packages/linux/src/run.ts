/**
 * The only door to child processes, in two widths. `run` (execa) is for programs that run a command now and then. `runTool` is
 * for the dataplane: in a bundle, execa costs 28 ms of start-up, 15 MB of memory and 1.2 ms more a call, so it is loaded only
 * when `run` is first called and Felix never pays for it. Both take the same options and throw the same errors. No shell.
 */
import { execFile } from 'node:child_process'
import { commandError } from './command-error.ts'

export interface RunOptions {
  /** Written to the command's standard input, which is then closed. */
  readonly input?: string
  /** The command is killed after this. Default 10 000. */
  readonly timeoutMs?: number
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** The command is killed when it prints more than this on one stream. Default 64 MiB. */
  readonly maxOutputBytes?: number
  /** Told what a command that succeeded printed on standard error, if anything. */
  readonly onWarning?: (text: string) => void
  /** The command takes over this process's standard streams, for as long as it likes. `run` only. Default false. */
  readonly attached?: boolean
}

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** @returns What the command printed on standard output. @throws COMMAND_FAILED, COMMAND_MISSING, TIMED_OUT */
export async function run(file: string, args: readonly string[], opts: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = DEFAULT_TIMEOUT_MS, env, signal, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = opts
  const { execa } = await import('execa')
  const result = await execa(file, args, {
    reject: false,
    timeout: timeoutMs,
    forceKillAfterDelay: 1000,
    maxBuffer: maxOutputBytes,
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    ...(opts.attached === true && {
      timeout: 0,
      stdin: 'inherit' as const,
      stdout: 'inherit' as const,
      stderr: 'inherit' as const,
    }),
    ...(env !== undefined && { env }),
    ...(signal !== undefined && { cancelSignal: signal }),
  })
  if (!result.failed) {
    const { stdout = '', stderr = '' } = result
    if (stderr !== '') opts.onWarning?.(stderr)
    return stdout
  }
  const { stderr = '', exitCode, timedOut, cause } = result
  throw commandError({ file, args, input, stderr, exitCode, timedOutMs: timedOut ? timeoutMs : undefined, cause })
}

/** A tool that was called, for figures. */
export interface ToolCall {
  readonly program: string
  readonly input: string | undefined
  readonly tookMs: number
  readonly failed: boolean
}
export type Tool = (program: string, args: readonly string[], opts: RunOptions) => Promise<string>

/** `runTool`, with somebody who counts. */
export const meteredTool =
  (onCall: (call: ToolCall) => void): Tool =>
  async (program, args, opts) => {
    const start = performance.now()
    let failed = true
    try {
      const text = await runTool(program, args, opts)
      failed = false
      return text
    } finally {
      onCall({ program, input: opts.input, tookMs: performance.now() - start, failed })
    }
  }

/** As `run`, without execa: for the calls that the dataplane makes all the time. */
export function runTool(file: string, args: readonly string[], opts: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = DEFAULT_TIMEOUT_MS, env, signal, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = opts
  const options = {
    encoding: 'utf8' as const,
    timeout: timeoutMs,
    killSignal: 'SIGKILL' as const,
    maxBuffer: maxOutputBytes,
    ...(env !== undefined && { env: { ...process.env, ...env } }),
    ...(signal !== undefined && { signal }),
  }
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, options, (cause, stdout, stderr) => {
      if (cause === null) {
        if (stderr !== '') opts.onWarning?.(stderr)
        return resolve(stdout)
      }
      const exitCode = typeof cause.code === 'number' ? cause.code : undefined
      const timedOutMs = cause.killed === true && cause.code === null ? timeoutMs : undefined
      reject(commandError({ file, args, input, stderr, exitCode, timedOutMs, cause }))
    })
    child.stdin?.on('error', () => undefined) // it left before reading everything: its exit status says why
    child.stdin?.end(input)
  })
}
