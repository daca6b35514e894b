import { execa } from 'execa'
import { CalicoError } from '@calico-node/core'
import { PATIENCE } from './patience.ts'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

export interface ExecOptions {
  readonly input?: string
  /** Default 60 000, stretched by LAB_PATIENCE. */
  readonly timeoutMs?: number
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end and returns what it said, whatever its exit status. @throws TIMED_OUT, COMMAND_MISSING */
export async function exec(file: string, args: readonly string[], opts: ExecOptions = {}): Promise<Outcome> {
  const { timeoutMs = 60_000 * PATIENCE, input, env = {} } = opts
  const started = performance.now()
  const result = await execa(file, args, {
    reject: false,
    timeout: timeoutMs,
    env,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  })
  if (result.timedOut)
    throw new CalicoError('TIMED_OUT', `Cannot finish ${file} ${args.join(' ')}: no exit within ${timeoutMs} ms`)
  if (result.code === 'ENOENT') throw new CalicoError('COMMAND_MISSING', `Cannot run ${file}: it is not installed`)
  return {
    code: result.exitCode ?? 128,
    stdout: result.stdout,
    stderr: result.stderr,
    ms: performance.now() - started,
  }
}

/** As {@link exec}, but a non-zero exit status is an error. @throws COMMAND_FAILED */
export async function must(file: string, args: readonly string[], opts: ExecOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await exec(file, args, opts)
  if (code === 0) return stdout
  throw new CalicoError(
    'COMMAND_FAILED',
    `Cannot run ${file} ${args.join(' ')}: ${stderr.trim() || `exit status ${code}`}`,
  )
}
