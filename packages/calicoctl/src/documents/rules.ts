/** Lists of rules of a profile: added, removed, shown and exchanged as the documents say. Pure. */
import { CalicoError } from '@calico-node/core'
import { makeResource, type ProfileResource, type RuleSpec } from '@calico-node/model'
import { type RuleDocument, tagOf } from './rule-words.ts'

export type Direction = 'inbound' | 'outbound'
type Spec = ProfileResource['spec']

export function parseDirection(typed: string): Direction {
  if (typed === 'inbound' || typed === 'outbound') return typed
  throw new CalicoError('INVALID', `Cannot use direction "${typed}": want inbound or outbound`)
}

const fieldOf = (direction: Direction): 'ingress' | 'egress' => (direction === 'inbound' ? 'ingress' : 'egress')

/** The rules as the schema of profiles reads them. @throws INVALID naming the field */
export function checkedRules(direction: Direction, rules: readonly RuleDocument[]): readonly RuleSpec[] {
  const field = fieldOf(direction)
  return makeResource('Profile', { name: 'check' }, { [field]: rules }).spec[field] ?? []
}

const same = (a: RuleSpec, b: RuleSpec): boolean => JSON.stringify(a) === JSON.stringify(b)

/** 1-based place in a list of `length`. */
export function parsePosition(typed: string): number {
  if (/^[1-9]\d{0,4}$/.test(typed)) return Number(typed)
  throw new CalicoError('INVALID', `Cannot use position "${typed}": want 1 for the first rule, and so on`)
}

/** @returns The same spec when the rule is there already: duplicates are left out. */
export function withRule(spec: Spec, direction: Direction, rule: RuleDocument, position: number | undefined): Spec {
  const field = fieldOf(direction)
  const rules = spec[field] ?? []
  const [added] = checkedRules(direction, [rule])
  if (added === undefined || rules.some((present) => same(present, added))) return spec
  const at = Math.min((position ?? rules.length + 1) - 1, rules.length)
  return { ...spec, [field]: rules.toSpliced(at, 0, added) }
}

/** @param which Position from 1, or the rule itself. @throws NOT_FOUND */
export function withoutRule(spec: Spec, direction: Direction, which: number | RuleDocument): Spec {
  const field = fieldOf(direction)
  const rules = spec[field] ?? []
  const [wanted] = typeof which === 'number' ? [] : checkedRules(direction, [which])
  const at =
    typeof which === 'number' ? which - 1 : rules.findIndex((rule) => wanted !== undefined && same(rule, wanted))
  if (rules[at] === undefined) {
    const what = typeof which === 'number' ? `rule ${which}; there are ${rules.length}` : 'such rule'
    throw new CalicoError('NOT_FOUND', `There is no ${direction} ${what}`)
  }
  return { ...spec, [field]: rules.toSpliced(at, 1) }
}

/** A rule in the JSON of the documents. What that cannot say stays under its v3 name. */
export type OldRule = Readonly<Record<string, unknown>>

const ACTIONS: Readonly<Record<string, RuleDocument['action']>> = { allow: 'Allow', deny: 'Deny' }

function oldSide(prefix: 'src' | 'dst', side: RuleSpec['source'] | undefined): Record<string, unknown> {
  const { selector, nets, ports, ...rest } = side ?? {}
  const tag = tagOf(selector)
  const [net, ...moreNets] = nets ?? []
  return {
    ...(tag !== undefined && { [`${prefix}_tag`]: tag }),
    ...(tag === undefined && selector !== undefined && selector !== '' && { [`${prefix}_selector`]: selector }),
    ...(net !== undefined && moreNets.length === 0 && { [`${prefix}_net`]: net }),
    ...(moreNets.length > 0 && { [`${prefix}_nets`]: nets }),
    ...(ports !== undefined && ports.length > 0 && { [`${prefix}_ports`]: ports }),
    ...(Object.keys(rest).length > 0 && { [`${prefix}_more`]: rest }),
  }
}

export function toOldRule({ action, protocol, icmp, source, destination, ...rest }: RuleSpec): OldRule {
  return {
    action: action.toLowerCase(),
    ...(protocol !== undefined && { protocol: typeof protocol === 'number' ? protocol : protocol.toLowerCase() }),
    ...(icmp?.type !== undefined && { icmp_type: icmp.type }),
    ...(icmp?.code !== undefined && { icmp_code: icmp.code }),
    ...oldSide('src', source),
    ...oldSide('dst', destination),
    ...rest,
  }
}

const word = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

const PROTOCOLS: Readonly<Record<string, string>> = {
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  icmpv6: 'ICMPv6',
  sctp: 'SCTP',
}
const KNOWN = new Set([
  'action',
  'protocol',
  'icmp_type',
  'icmp_code',
  ...['src', 'dst'].flatMap((prefix) => ['tag', 'selector', 'net', 'nets', 'ports'].map((name) => `${prefix}_${name}`)),
])

function newSide(rule: OldRule, prefix: 'src' | 'dst'): Record<string, unknown> {
  const [tag, selector, net, nets, ports] = ['tag', 'selector', 'net', 'nets', 'ports'].map(
    (name) => rule[`${prefix}_${name}`],
  )
  return {
    ...(tag !== undefined && { selector: `has(${word(tag)})` }),
    ...(selector !== undefined && { selector }),
    ...(net !== undefined && { nets: [net] }),
    ...(nets !== undefined && { nets }),
    ...(ports !== undefined && { ports }),
  }
}

/** @throws INVALID naming what is not understood */
export function fromOldRule(rule: OldRule): Readonly<Record<string, unknown>> {
  const unknown = Object.keys(rule).find((key) => !KNOWN.has(key))
  if (unknown !== undefined)
    throw new CalicoError('INVALID', `Cannot read the rule ${JSON.stringify(rule)}: "${unknown}" is not known`)
  const { action = 'allow', protocol, icmp_type: type, icmp_code: code } = rule
  return {
    action: ACTIONS[word(action)] ?? action,
    ...(protocol !== undefined && { protocol: PROTOCOLS[word(protocol)] ?? protocol }),
    ...(type !== undefined && { icmp: { type, ...(code !== undefined && { code }) } }),
    source: newSide(rule, 'src'),
    destination: newSide(rule, 'dst'),
  }
}
