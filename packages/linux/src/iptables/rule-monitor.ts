/**
 * Hints that somebody changed rules, so that a flush by another program is repaired at once and not at the next timed check.
 *
 * Only the nft variant has such events; for legacy there are none, and the timed checks of each table must do. `xtables-monitor`
 * is used because `nft monitor` first loads all rules (42 MB for 10 000). It buffers its output in blocks unless told otherwise.
 * Events of our own writes come as well: the tables tell them apart. Without the tool there are no hints, and nothing is lost.
 */
import type { Logger } from '@calico-node/core'
import { followLines } from '../follow-lines.ts'
import { isOurChain, RULE_ID_PREFIX } from '../ownership.ts'
import type { IpVersion, Table } from '../rules/types.ts'
import type { IptablesVariant } from './table.ts'

/** This table may not be what it was: `RuleTable.hint`. */
export interface RuleHint {
  readonly ipVersion: IpVersion
  readonly table: Table
}

const EVENT = /^\s*EVENT: -([46]) -t (raw|mangle|nat|filter) (?:-[A-Z] |:|-N )?(\S+)(.*)$/
const KERNEL_CHAINS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']

/** Follows changes of rules that concern us until `signal` aborts. */
export async function* watchRules(
  { variant, log }: { readonly variant: IptablesVariant; readonly log: Logger },
  signal: AbortSignal,
): AsyncGenerator<RuleHint> {
  if (variant === 'legacy') return
  const component = log.child({ component: 'rule-monitor' })
  for await (const line of followLines('stdbuf', ['-oL', 'xtables-monitor', '--event'], { log: component }, signal)) {
    const hint = hintOf(line)
    if (hint !== undefined) yield hint
  }
}

/** Pure: what an event line means for us; changes in the chains of others mean nothing. */
export function hintOf(line: string): RuleHint | undefined {
  const [, family, name, chain = '', rest = ''] = EVENT.exec(line) ?? []
  const table = (['raw', 'mangle', 'nat', 'filter'] as const).find((each) => each === name)
  if (table === undefined) return undefined
  const ours = isOurChain(chain) || KERNEL_CHAINS.includes(chain) || rest.includes(`"${RULE_ID_PREFIX}`)
  return ours ? { ipVersion: family === '6' ? 6 : 4, table } : undefined
}
