/**
 * Which of the two iptables a host lives by. Rules in the wrong one are silently without effect, so the decision follows what is
 * alive there: rules of ours (a decision once made is kept), then the chains that a kubelet leaves as a sign, then the number of
 * rules, then whichever the host has. Legacy is the default: it loads large rule sets many times faster.
 *
 * Only listings of all tables are used: naming a table would make the legacy variant create it, hooks and all.
 */
import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import { isOurChain } from '../ownership.ts'
import type { IpVersion, Table } from '../rules/types.ts'
import { runTool } from '../run.ts'
import { createRuleTable, type IptablesVariant } from './table.ts'

export interface IptablesChoice {
  readonly variant: IptablesVariant
  /** For people: why this one. */
  readonly reason: string
  /** Tables of the other variant that hold rules of ours: see `cleanOtherVariant`. */
  readonly leftovers: readonly Leftover[]
}

export interface Leftover {
  readonly ipVersion: IpVersion
  readonly table: Table
}

export interface DetectOptions {
  /** A variant decides without looking. Default `auto`. */
  readonly configured?: IptablesVariant | 'auto'
}

/** What one variant holds, both IP versions together. */
export interface VariantSurvey {
  readonly available: boolean
  readonly rules: number
  readonly kubernetes: boolean
  readonly ours: readonly Leftover[]
}

const KUBERNETES_CHAIN = /^:KUBE-(IPTABLES-HINT|KUBELET-CANARY) /m
const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const
const MAX_LISTING_BYTES = 1024 * 1024 * 1024

/** @throws COMMAND_MISSING when neither variant is installed */
export async function detectIptables(
  log: Logger,
  { configured = 'auto' }: DetectOptions = {},
): Promise<IptablesChoice> {
  const [legacy, nft] = await Promise.all([survey('legacy'), survey('nft')])
  const { variant, reason } = chooseVariant({ legacy, nft }, configured)
  const leftovers = (variant === 'legacy' ? nft : legacy).ours
  const component = log.child({ component: 'iptables' })
  component.info('Iptables variant chosen', { variant, reason })
  if (leftovers.length > 0) {
    const tables = leftovers.map(({ ipVersion, table }) => `${table}/IPv${ipVersion}`)
    component.warn('The other iptables variant holds rules of ours, which still apply', { tables })
  }
  return { variant, reason, leftovers }
}

/** Pure: the decision. @throws COMMAND_MISSING, UNSUPPORTED */
export function chooseVariant(
  { legacy, nft }: { readonly legacy: VariantSurvey; readonly nft: VariantSurvey },
  configured: IptablesVariant | 'auto',
): { variant: IptablesVariant; reason: string } {
  if (configured !== 'auto') return { variant: configured, reason: 'configured' }
  if (!legacy.available && !nft.available) {
    throw new CalicoError(
      'COMMAND_MISSING',
      'Cannot program rules: neither iptables-legacy nor iptables-nft works here',
    )
  }
  if (!nft.available) return { variant: 'legacy', reason: 'iptables-nft does not work here' }
  if (!legacy.available) return { variant: 'nft', reason: 'iptables-legacy does not work here' }
  const signs: readonly (readonly [test: (survey: VariantSurvey) => boolean, reason: string])[] = [
    [({ ours }) => ours.length > 0, 'holds our rules of an earlier run'],
    [({ kubernetes }) => kubernetes, "holds the kubelet's chains"],
  ]
  for (const [test, reason] of signs) {
    if (test(nft) !== test(legacy)) return { variant: test(nft) ? 'nft' : 'legacy', reason }
  }
  if (nft.kubernetes) return { variant: 'nft', reason: "both hold the kubelet's chains" }
  if (nft.rules > legacy.rules)
    return { variant: 'nft', reason: `holds more rules: ${nft.rules}, legacy ${legacy.rules}` }
  const more = legacy.rules > nft.rules
  return {
    variant: 'legacy',
    reason: more ? `holds more rules: ${legacy.rules}, nft ${nft.rules}` : 'default: neither holds more rules',
  }
}

/**
 * Removes our chains and rules from a variant that is not in use. Idempotent; rules of others stay.
 * @returns The tables that were cleaned. @throws APPLY_FAILED
 */
export async function cleanOtherVariant(unused: IptablesVariant, log: Logger): Promise<readonly Leftover[]> {
  const { ours } = await survey(unused)
  for (const { ipVersion, table } of ours) await createRuleTable({ variant: unused, table, ipVersion, log }).apply()
  return ours
}

async function survey(variant: IptablesVariant): Promise<VariantSurvey> {
  const [v4, v6] = await Promise.all([listing(`iptables-${variant}-save`), listing(`ip6tables-${variant}-save`)])
  const texts = [v4 ?? '', v6 ?? '']
  return {
    available: v4 !== undefined,
    rules: texts.reduce((sum, text) => sum + (text.match(/^-A /gm)?.length ?? 0), 0),
    kubernetes: texts.some((text) => KUBERNETES_CHAIN.test(text)),
    ours: [...tablesOfOurs(texts[0] ?? '', 4), ...tablesOfOurs(texts[1] ?? '', 6)],
  }
}

async function listing(command: string): Promise<string | undefined> {
  try {
    return await runTool(command, [], { timeoutMs: 60_000, maxOutputBytes: MAX_LISTING_BYTES })
  } catch (err) {
    if (hasCode(err, 'COMMAND_MISSING', 'COMMAND_FAILED')) return undefined
    throw err
  }
}

function tablesOfOurs(text: string, ipVersion: IpVersion): Leftover[] {
  const sections = text.split(/^\*/m)
  return TABLES.flatMap((table) => {
    const section = sections.find((each) => each.startsWith(`${table}\n`))
    const chains = section?.matchAll(/^:(\S+) /gm) ?? []
    return [...chains].some(([, name = '']) => isOurChain(name)) ? [{ ipVersion, table }] : []
  })
}
