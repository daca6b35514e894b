import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { backoffMs, sleep, type Logger } from '@calico-node/core'

export interface FollowOptions {
  readonly log: Logger
  /** For people: what is done as long as the command does not run. */
  readonly meanwhile: string
}

/** What happens before `started`, and from `ended` to the next `started`, is not among the lines. */
export type FollowEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'ended' }

/**
 * Follows a command that is meant to run for ever; when it ends it is started again, with back-off. Ends when `signal` aborts or
 * the reader leaves, and then leaves no process behind; neither does a death of this process.
 */
export async function* followLines(
  file: string,
  args: readonly string[],
  { log, meanwhile }: FollowOptions,
  signal: AbortSignal,
): AsyncGenerator<FollowEvent> {
  for (let failures = 0; !signal.aborted; failures++) {
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-500)))
    const ended = new Promise<string>((resolve) => {
      child.on('error', (err) => resolve(err.message))
      child.on('close', (code, by) => resolve(`exit ${code ?? by} ${said}`.trim()))
    })
    try {
      yield { kind: 'started' }
      for await (const line of createInterface({ input: child.stdout })) {
        failures = 0
        yield { kind: 'line', line }
      }
    } finally {
      child.kill('SIGKILL') // the reader has left, or it has ended anyway
    }
    const reason = await ended
    if (signal.aborted) return
    if (failures === 0) log.warn('Monitor ended, will start it again', { file, reason, meanwhile })
    yield { kind: 'ended' }
    await sleep(backoffMs(failures, { baseMs: 100, capMs: 30_000 }), signal)
  }
}
