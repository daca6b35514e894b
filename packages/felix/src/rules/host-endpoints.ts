/**
 * Host endpoints: what may pass the interfaces of the host itself. An interface has chains for each way that traffic takes:
 *
 * ```
 * raw     untracked     both ways     doNotTrack policy                 an allowed packet is not tracked; nothing is denied by default
 * mangle  before DNAT   in            preDNAT policy                    nothing is denied by default
 * filter  host          both ways     policy, then profiles             closed
 * mangle  host, DNATed  out           the same, where the interface that it leaves by is known
 * filter  forward       both ways     policy with applyOnForward        closed when there is any in that direction, else open
 * ```
 * Returning with the accept mark says that the endpoint allows the packet; the caller accepts. Failsafes are accepted in
 * place before any policy of the host is asked, except where the host only forwards.
 *
 * An endpoint for all interfaces (`*`) stands where no other does. It spares the loopback interface, over which a host talks
 * to itself, and untracked policy does not know it. What a workload sends or gets meets it only before DNAT and when forwarded.
 */
import type { Chain, Rule, Table } from '@calico-node/linux'
import type { HostEndpoint } from '../calc/messages.ts'
import { dispatchChains } from './dispatch.ts'
import { type ChainStyle, connectionRules, profileRules, tierRules } from './endpoint-parts.ts'
import {
  ANY_INTERFACE,
  CHAIN,
  fromHostChainName,
  fromHostForwardChainName,
  type PolicyDirection,
  toHostChainName,
  toHostForwardChainName,
} from './names.ts'
import type { RuleSettings } from './settings.ts'
import { clearMark, DROP, goTo, inInterface, jump, outInterface, RETURN, rule, setMark } from './vocabulary.ts'

export type PolicedHost = Pick<HostEndpoint, 'tiers' | 'untrackedTiers' | 'preDnatTiers' | 'forwardTiers' | 'profiles'>

/** Who governs which interface. */
export interface Governance {
  readonly byInterface: ReadonlyMap<string, PolicedHost>
  /** Of the endpoint that governs all other interfaces. */
  readonly others?: PolicedHost
}

export interface TableChain {
  readonly table: Table
  readonly chain: Chain
}

interface Way {
  readonly table: Table
  readonly root: string
  readonly direction: 'from' | 'to'
  readonly chainName: (interfaceName: string) => string
  /** Undefined: the endpoint has nothing to say. */
  readonly rules: (endpoint: PolicedHost, settings: RuleSettings) => Rule[] | undefined
  /** What an endpoint for all interfaces leaves alone. */
  readonly spares?: 'everything' | 'workloads'
}

const WAYS: readonly Way[] = [
  {
    table: 'raw',
    root: CHAIN.fromHostEndpoint,
    direction: 'from',
    chainName: fromHostChainName,
    spares: 'everything',
    rules: (endpoint, settings) => untracked(endpoint, 'ingress', settings),
  },
  {
    table: 'raw',
    root: CHAIN.toHostEndpoint,
    direction: 'to',
    chainName: toHostChainName,
    spares: 'everything',
    rules: (endpoint, settings) => untracked(endpoint, 'egress', settings),
  },
  { table: 'mangle', root: CHAIN.fromHostEndpoint, direction: 'from', chainName: fromHostChainName, rules: preDnat },
  {
    table: 'mangle',
    root: CHAIN.toHostEndpoint,
    direction: 'to',
    chainName: toHostChainName,
    spares: 'workloads',
    rules: (endpoint, settings) => host(endpoint, 'egress', { ...filterStyle(settings), allow: RETURN, deny: DROP }),
  },
  {
    table: 'filter',
    root: CHAIN.fromHostEndpoint,
    direction: 'from',
    chainName: fromHostChainName,
    rules: (endpoint, settings) => host(endpoint, 'ingress', filterStyle(settings)),
  },
  {
    table: 'filter',
    root: CHAIN.toHostEndpoint,
    direction: 'to',
    chainName: toHostChainName,
    rules: (endpoint, settings) => host(endpoint, 'egress', filterStyle(settings)),
  },
  {
    table: 'filter',
    root: CHAIN.fromHostEndpointForward,
    direction: 'from',
    chainName: fromHostForwardChainName,
    rules: (endpoint, settings) => forwarded(endpoint, 'ingress', filterStyle(settings)),
  },
  {
    table: 'filter',
    root: CHAIN.toHostEndpointForward,
    direction: 'to',
    chainName: toHostForwardChainName,
    rules: (endpoint, settings) => forwarded(endpoint, 'egress', filterStyle(settings)),
  },
]

/** All chains of all interfaces and the dispatch to them, which exists even when there is nothing to dispatch. */
export const hostEndpointChains = (governance: Governance, settings: RuleSettings): TableChain[] =>
  WAYS.flatMap((way) => wayChains(way, governance, settings).map((chain) => ({ table: way.table, chain })))

function wayChains(way: Way, { byInterface, others }: Governance, settings: RuleSettings): Chain[] {
  const { root, direction, chainName } = way
  const rest = others === undefined || way.spares === 'everything' ? undefined : way.rules(others, settings)
  const chains: Chain[] = []
  const targets = new Map<string, string>()
  for (const [name, endpoint] of byInterface) {
    // an endpoint without a word keeps the one for all interfaces from speaking
    const rules = way.rules(endpoint, settings) ?? (rest && [])
    if (rules === undefined) continue
    chains.push({ name: chainName(name), rules })
    targets.set(name, chainName(name))
  }
  if (rest === undefined) return [...dispatchChains({ root, direction, targets, otherwise: [] }), ...chains]
  chains.push({ name: chainName(ANY_INTERFACE), rules: rest })
  const interfaceIs = direction === 'from' ? inInterface : outInterface
  const spared = ['lo', ...(way.spares === 'workloads' ? settings.workloadPrefixes.map((prefix) => `${prefix}+`) : [])]
  const otherwise = [
    ...spared.map((name) => rule([interfaceIs(name)], RETURN)),
    rule([], goTo(chainName(ANY_INTERFACE))),
  ]
  return [...dispatchChains({ root, direction, targets, otherwise }), ...chains]
}

const filterStyle = ({ marks, filterAllow: allow, deny, dropInvalid }: RuleSettings): ChainStyle => ({
  marks,
  allow,
  deny,
  dropInvalid,
})

const failsafe = (direction: PolicyDirection): Rule =>
  rule([], jump(direction === 'ingress' ? CHAIN.failsafeIn : CHAIN.failsafeOut), 'What must never be closed')

function host({ tiers, profiles }: PolicedHost, direction: PolicyDirection, style: ChainStyle): Rule[] {
  const { marks, deny } = style
  return [
    ...connectionRules(style),
    failsafe(direction),
    rule([], clearMark(marks.accept, marks.pass)),
    ...tierRules(tiers, direction, style),
    ...profileRules(profiles, direction, style),
    rule([], deny, 'Neither policy nor profile allows it'),
  ]
}

/** Where no policy speaks of forwarded traffic, a host endpoint does not hinder it. */
function forwarded({ forwardTiers }: PolicedHost, direction: PolicyDirection, style: ChainStyle): Rule[] {
  const { marks, deny } = style
  if (forwardTiers.every((tier) => tier[direction].length === 0)) {
    return [rule([], setMark(marks.accept), 'No policy for forwarded traffic')]
  }
  return [
    ...connectionRules(style),
    rule([], clearMark(marks.accept, marks.pass)),
    ...tierRules(forwardTiers, direction, style),
    rule([], deny, 'No policy allows it'),
  ]
}

function preDnat(
  { preDnatTiers }: PolicedHost,
  { marks, mangleAllow: allow, dropInvalid }: RuleSettings,
): Rule[] | undefined {
  if (preDnatTiers.length === 0) return undefined
  const style = { marks, allow, deny: DROP, dropInvalid }
  return [
    ...connectionRules(style),
    failsafe('ingress'),
    rule([], clearMark(marks.accept, marks.pass)),
    ...tierRules(preDnatTiers, 'ingress', style, { closed: false }),
  ]
}

function untracked(
  { untrackedTiers }: PolicedHost,
  direction: PolicyDirection,
  { marks }: RuleSettings,
): Rule[] | undefined {
  if (untrackedTiers.length === 0) return undefined
  const style = { marks, allow: RETURN, deny: DROP, dropInvalid: false }
  return [
    failsafe(direction),
    rule([], clearMark(marks.accept, marks.pass)),
    ...tierRules(untrackedTiers, direction, style, { closed: false, onAllowed: { kind: 'notrack' } }),
  ]
}
