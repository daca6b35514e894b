import { CalicoError } from '@calico-node/core'
import { CODE, findError, type Reply } from './reply.ts'

/**
 * What BIRD said to `configure` or `configure check`.
 * - `done`: the new configuration is in force.
 * - `in-progress`: accepted; some protocols still shut down or start.
 * - `queued`: accepted; it follows the reconfiguration that is under way.
 * - `refused`: the old configuration goes on. `message` is BIRD's, with file, line and column where it names them.
 */
export type ConfigureResult =
  | { readonly kind: 'done' | 'in-progress' | 'queued' }
  | { readonly kind: 'refused'; readonly message: string; readonly file?: string; readonly line?: number }

const ACCEPTED = new Map<number, 'done' | 'in-progress' | 'queued'>([
  [CODE.reconfigured, 'done'],
  [CODE.checked, 'done'],
  [CODE.inProgress, 'in-progress'],
  [CODE.queued, 'queued'],
])

/** @throws COMMAND_FAILED when BIRD denies the command itself; INVALID when the answer is none of the known ones */
export function parseConfigure(replies: readonly Reply[]): ConfigureResult {
  const error = findError(replies)
  if (error?.code === CODE.refusedConfig) return refusal(error.text)
  if (error !== undefined) {
    throw new CalicoError('COMMAND_FAILED', `Cannot configure BIRD: ${error.text}`, { context: { code: error.code } })
  }
  for (const { code } of replies) {
    const kind = ACCEPTED.get(code)
    if (kind !== undefined) return { kind }
  }
  throw new CalicoError('INVALID', 'Cannot read what BIRD said to configure: no known code', { context: { replies } })
}

function refusal(text: string): ConfigureResult {
  const match = /^(\/.*?):(\d+):\d+ (.*)$/.exec(text)
  if (match === null) return { kind: 'refused', message: text }
  const [, file = '', line] = match
  return { kind: 'refused', message: text, file, line: Number(line) }
}
