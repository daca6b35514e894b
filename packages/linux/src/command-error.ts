/** What went wrong with a child process, as the one error that both ways of starting one throw. */
import { CalicoError } from '@calico-node/core'

export interface CommandFailure {
  readonly file: string
  readonly args: readonly string[]
  readonly input?: string | undefined
  readonly stderr: string
  readonly exitCode?: number | undefined
  /** Set when the time limit ended the process. */
  readonly timedOutMs?: number | undefined
  readonly cause?: unknown
}

/**
 * @returns COMMAND_MISSING when the program does not exist, TIMED_OUT when it had to be ended, else COMMAND_FAILED. The context
 * holds `file`, `args`, `exitCode`, `stderr`, and of the input only the line that the program complained about: `failingLine`
 * (its text) and `failingLineNumber` (from 1).
 */
export function commandError(failure: CommandFailure): CalicoError {
  const { file, args, input, stderr, exitCode, timedOutMs, cause } = failure
  const number = failingLineNumber(stderr)
  const failingLine = number === undefined ? undefined : input?.split('\n')[number - 1]
  const context = { file, args, exitCode, stderr, failingLineNumber: number, failingLine }
  if (isMissing(cause)) {
    return new CalicoError('COMMAND_MISSING', `Cannot run ${file}: no such program`, { context, cause })
  }
  if (timedOutMs !== undefined) {
    return new CalicoError('TIMED_OUT', `Cannot run ${file}: no exit within ${timedOutMs} ms`, { context, cause })
  }
  const said = complaint(stderr) || (cause instanceof Error ? cause.message : `exit status ${exitCode}`)
  const where = failingLine === undefined ? '' : ` (input line ${number}: ${failingLine})`
  return new CalicoError('COMMAND_FAILED', `Cannot run ${file}: ${said}${where}`, { context, cause })
}

/** Restore tools name the line of their input that they could not take, each in its own words. */
export function failingLineNumber(stderr: string): number | undefined {
  const match = /\bline:? (\d+)/i.exec(stderr)
  return match === null ? undefined : Number(match[1])
}

const isMissing = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'

/** The lines that say what is wrong, without the program's offer of help. */
function complaint(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('Try `'))
  return lines.slice(0, 2).join(' ')
}
