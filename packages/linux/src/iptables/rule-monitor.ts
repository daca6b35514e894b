/**
 * Hints that somebody changed rules, so that a flush by another program is repaired at once and not at the next timed check.
 *
 * The nft variant has events of the kernel, told by `xtables-monitor`: `nft monitor` would first load all rules (42 MB for
 * 10 000). It buffers its output in blocks unless told otherwise. Events of our own writes come as well: the tables tell them
 * apart. The legacy variant has only its lock (lock-monitor.ts). Without these tools there are no hints, and nothing is lost.
 */
import type { Logger } from '@calico-node/core'
import { followLines } from '../follow-lines.ts'
import { isOurChain, RULE_ID_PREFIX } from '../ownership.ts'
import type { IpVersion, Table } from '../rules/types.ts'
import type { Tool } from '../run.ts'
import type { RuleWatch } from './check-schedule.ts'
import { LockMonitor } from './lock-monitor.ts'
import type { IptablesVariant } from './table.ts'

export type RuleHint =
  /** This table may not be what it was: `RuleTable.hint`. Without a place: every table. */
  | { readonly kind: 'changed'; readonly place?: { readonly ipVersion: IpVersion; readonly table: Table } }
  /** Who tells of changes from now on: `RuleTable.watchedBy`. */
  | { readonly kind: 'watch'; readonly by: RuleWatch }

export interface RuleMonitor {
  /** A tool whose changes are not taken for those of others. */
  noting(tool: Tool): Tool
  /** Follows what concerns us until `signal` aborts. */
  hints(signal: AbortSignal): AsyncIterable<RuleHint>
}

export interface RuleMonitorOptions {
  readonly variant: IptablesVariant
  /** Under which the legacy variant is changed, by us and by others. */
  readonly lockFile: string
  readonly log: Logger
}

export function createRuleMonitor({ variant, lockFile, log }: RuleMonitorOptions): RuleMonitor {
  if (variant === 'legacy') return new LockMonitor({ file: lockFile, log })
  return { noting: (tool) => tool, hints: (signal) => kernelHints(log.child({ component: 'rule-monitor' }), signal) }
}

const EVENT = /^\s*EVENT: -([46]) -t (raw|mangle|nat|filter) (?:-[A-Z] |:|-N )?(\S+)(.*)$/
const KERNEL_CHAINS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']

async function* kernelHints(log: Logger, signal: AbortSignal): AsyncGenerator<RuleHint> {
  const options = { log, meanwhile: 'changes of rules by others are found by timed checks' }
  for await (const event of followLines('stdbuf', ['-oL', 'xtables-monitor', '--event'], options, signal)) {
    if (event.kind !== 'line') yield { kind: 'watch', by: event.kind === 'started' ? 'kernel' : 'none' }
    else {
      const hint = hintOf(event.line)
      if (hint !== undefined) yield hint
    }
  }
}

/** Pure: what an event line means for us; changes in the chains of others mean nothing. */
export function hintOf(line: string): RuleHint | undefined {
  const [, family, name, chain = '', rest = ''] = EVENT.exec(line) ?? []
  const table = (['raw', 'mangle', 'nat', 'filter'] as const).find((each) => each === name)
  if (table === undefined) return undefined
  const ours = isOurChain(chain) || KERNEL_CHAINS.includes(chain) || rest.includes(`"${RULE_ID_PREFIX}`)
  return ours ? { kind: 'changed', place: { ipVersion: family === '6' ? 6 : 4, table } } : undefined
}
