/** How often our rules have matched, as the kernel counts it. Read only. */
import { hasCode } from '@calico-node/core'
import { isOurChain, RULE_ID_PREFIX } from './ownership.ts'
import type { IptablesVariant } from './iptables/table.ts'
import type { IpVersion, Table } from './rules/types.ts'
import { runTool } from './run.ts'

export interface CountedRule {
  readonly packets: bigint
  readonly bytes: bigint
  /** The hash that marks the rule as ours; absent on rules that somebody else put into the chain. */
  readonly id?: string
  readonly comments: readonly string[]
  /** Matches and action, without comments. */
  readonly text: string
}

export interface CountedChain {
  readonly variant: IptablesVariant
  readonly table: Table
  readonly name: string
  readonly rules: readonly CountedRule[]
}

const VARIANTS = ['legacy', 'nft'] as const
const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const
const RULE = /^\[(\d+):(\d+)\] -A (\S+) ?(.*)$/
const COMMENT = /-m comment --comment (?:"((?:[^"\\]|\\.)*)"|(\S+)) ?/g
const MAX_LISTING_BYTES = 1024 * 1024 * 1024

/** Our chains in all tables of both variants. A chain that is rewritten starts to count again. */
export async function readRuleCounters(ipVersion: IpVersion): Promise<CountedChain[]> {
  const chains = await Promise.all(
    VARIANTS.map(async (variant) => {
      const command = `ip${ipVersion === 6 ? '6' : ''}tables-${variant}-save`
      return parseCounters(await listing(command), variant)
    }),
  )
  return chains.flat()
}

/** All tables at once: naming one would make the legacy variant create it. */
async function listing(command: string): Promise<string> {
  try {
    return await runTool(command, ['-c'], { timeoutMs: 60_000, maxOutputBytes: MAX_LISTING_BYTES })
  } catch (err) {
    if (hasCode(err, 'COMMAND_MISSING', 'COMMAND_FAILED')) return ''
    throw err
  }
}

/** Pure: what `iptables-save -c` prints. */
export function parseCounters(text: string, variant: IptablesVariant): CountedChain[] {
  const found: CountedChain[] = []
  let table: Table | undefined
  let rules = new Map<string, CountedRule[]>()
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      table = TABLES.find((name) => line === `*${name}`)
      rules = new Map()
    } else if (table !== undefined && line.startsWith(':')) {
      const name = line.slice(1).split(' ', 1)[0] ?? ''
      if (!isOurChain(name)) continue
      const list: CountedRule[] = []
      rules.set(name, list)
      found.push({ variant, table, name, rules: list })
    } else {
      const [, packets, bytes, chain = '', words = ''] = RULE.exec(line) ?? []
      if (packets !== undefined && bytes !== undefined) rules.get(chain)?.push(ruleOf(packets, bytes, words))
    }
  }
  return found
}

function ruleOf(packets: string, bytes: string, words: string): CountedRule {
  const all = [...words.matchAll(COMMENT)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  const id = all.find((comment) => comment.startsWith(RULE_ID_PREFIX))
  return {
    packets: BigInt(packets),
    bytes: BigInt(bytes),
    ...(id !== undefined && { id }),
    comments: all.filter((comment) => comment !== id),
    text: words.replaceAll(COMMENT, ''),
  }
}
