import { CalicoError } from '@calico-node/core'
import { CHECK_NAMES, type CheckName, isCheck } from './checks.ts'

/** What a caller of `calico-node` wants. */
export type ProbeRequest =
  | { readonly kind: 'help' | 'version' | 'shutdown' }
  | { readonly kind: 'checks'; readonly names: readonly CheckName[] | 'all'; readonly thresholdMs?: number }

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

function parseThreshold(text: string | undefined): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text ?? '') ?? []
  if (number === undefined)
    throw new CalicoError('INVALID', `Cannot use threshold-time "${text ?? ''}": want a time such as 30s`)
  return Number(number) * (UNITS[unit] ?? 1)
}

/**
 * Reads a command line in the form of upstream's program: one or two dashes, `-flag`, `-flag=true`, `-flag value`.
 *
 * @throws INVALID naming what is not understood
 */
export function parseRequest(argv: readonly string[]): ProbeRequest {
  const names: CheckName[] = []
  let all = false
  let thresholdMs: number | undefined
  const rest = [...argv]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, flag = '', value] = /^--?([a-z0-9-]+)(?:=(.*))?$/.exec(word) ?? []
    if (isCheck(flag)) names.push(...(value === 'false' ? [] : [flag]))
    else if (flag === 'all') all = true
    else if (flag === 'threshold-time') thresholdMs = parseThreshold(value ?? rest.shift())
    else if (flag === 'v' || flag === 'version') return { kind: 'version' }
    else if (flag === 'shutdown') return { kind: 'shutdown' }
    else if (flag === 'h' || flag === 'help') return { kind: 'help' }
    else throw new CalicoError('INVALID', `Cannot understand "${word}": want ${KNOWN}`)
  }
  if (names.length === 0 && !all) throw new CalicoError('INVALID', `Nothing to check: want ${KNOWN}`)
  return { kind: 'checks', names: all ? 'all' : names, ...(thresholdMs !== undefined && { thresholdMs }) }
}

const KNOWN = [...CHECK_NAMES, 'all', 'threshold-time', 'shutdown', 'version', 'help']
  .map((name) => `-${name}`)
  .join(', ')
