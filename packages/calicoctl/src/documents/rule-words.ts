/**
 * The rule language of the documents' `profile NAME rule add`: `allow tcp from tag web to ports 80,8000:8080`.
 *
 * Words to a rule of a Profile and back. A tag is a label with an empty value, so `tag web` selects `has(web)`.
 */
import { CalicoError } from '@calico-node/core'

/** A side of a rule, as a user would write it in a Profile. */
export interface RuleSide {
  readonly selector?: string
  readonly nets?: readonly string[]
  readonly ports?: readonly (number | string)[]
}
/** A rule, as a user would write it in a Profile. */
export interface RuleDocument {
  readonly action: 'Allow' | 'Deny'
  readonly protocol?: 'TCP' | 'UDP' | 'ICMP' | 'ICMPv6'
  readonly icmp?: { readonly type: number; readonly code?: number }
  readonly source?: RuleSide
  readonly destination?: RuleSide
}

const ACTIONS: Readonly<Record<string, RuleDocument['action']>> = { allow: 'Allow', deny: 'Deny' }
const PROTOCOLS: Readonly<Record<string, NonNullable<RuleDocument['protocol']>>> = {
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  icmpv6: 'ICMPv6',
}
const GRAMMAR =
  'allow|deny [tcp|udp|icmp [type N [code N]]|icmpv6 [type N [code N]]] ' +
  '[from [ports P,P:P] [tag T] [cidr C]] [to [ports P,P:P] [tag T] [cidr C]]'

const bad = (why: string): CalicoError => new CalicoError('INVALID', `Cannot read this rule: ${why}; want ${GRAMMAR}`)

/** Words that are taken from the front, one after another. */
class Words {
  readonly #words: string[]
  constructor(words: readonly string[]) {
    this.#words = [...words]
  }
  get next(): string | undefined {
    return this.#words[0]
  }
  skip(word: string): boolean {
    if (this.#words[0] !== word) return false
    this.#words.shift()
    return true
  }
  take(what: string): string {
    const word = this.#words.shift()
    if (word === undefined) throw bad(`${what} is missing`)
    return word
  }
}

function number(words: Words, what: string, max: number): number {
  const word = words.take(what)
  if (!/^\d+$/.test(word) || Number(word) > max) throw bad(`${what} "${word}" is not a number from 0 to ${max}`)
  return Number(word)
}

const ports = (text: string): (number | string)[] =>
  text.split(',').map((port) => (/^\d+$/.test(port) ? Number(port) : port))

function side(words: Words, keyword: 'from' | 'to'): RuleSide | undefined {
  if (!words.skip(keyword)) return undefined
  let found: RuleSide = {}
  for (;;) {
    if (words.skip('ports')) found = { ...found, ports: ports(words.take('the list of ports')) }
    else if (words.skip('tag')) found = { ...found, selector: `has(${words.take('the tag')})` }
    else if (words.skip('cidr') || (words.next !== undefined && /[./:]/.test(words.next))) {
      found = { ...found, nets: [withMask(words.take('the network'))] }
    } else break
  }
  if (Object.keys(found).length === 0) throw bad(`nothing follows "${keyword}"`)
  return found
}

const withMask = (net: string): string => (net.includes('/') ? net : `${net}/${net.includes(':') ? 128 : 32}`)

/** @throws INVALID, with the grammar */
export function parseRuleWords(typed: readonly string[]): RuleDocument {
  const words = new Words(typed)
  const verb = words.take('the action')
  const action = ACTIONS[verb]
  if (action === undefined) throw bad(`"${verb}" is neither allow nor deny`)
  const protocol = words.next === undefined ? undefined : PROTOCOLS[words.next]
  if (protocol !== undefined) words.take('the protocol')
  let icmp: RuleDocument['icmp']
  if (protocol?.startsWith('ICMP') === true && words.skip('type')) {
    const type = number(words, 'the ICMP type', 254)
    icmp = words.skip('code') ? { type, code: number(words, 'the ICMP code', 255) } : { type }
  }
  const source = side(words, 'from')
  const destination = side(words, 'to')
  if (words.next !== undefined) throw bad(`"${words.next}" is not expected there`)
  return {
    action,
    ...(protocol !== undefined && { protocol }),
    ...(icmp !== undefined && { icmp }),
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
  }
}

/** What the words of a rule can say; other rules are shown as they are stored. */
interface AnyRule {
  readonly action: string
  readonly protocol?: string | number | undefined
  readonly icmp?: { readonly type?: number | undefined; readonly code?: number | undefined } | undefined
  readonly source?: AnySide | undefined
  readonly destination?: AnySide | undefined
}
interface AnySide {
  readonly selector?: string | undefined
  readonly nets?: readonly string[] | undefined
  readonly ports?: readonly (number | string)[] | undefined
}

export const tagOf = (selector: string | undefined): string | undefined =>
  /^has\(\s*([\w./-]+)\s*\)$/.exec(selector ?? '')?.[1]

function sideWords(keyword: string, { selector, nets, ports: list }: AnySide = {}): string[] {
  const words = [
    ...(list !== undefined && list.length > 0 ? ['ports', list.join(',')] : []),
    ...(selector !== undefined && selector !== ''
      ? tagOf(selector) === undefined
        ? ['selector', selector]
        : ['tag', tagOf(selector) ?? '']
      : []),
    ...(nets ?? []).flatMap((net) => ['cidr', net]),
  ]
  return words.length > 0 ? [keyword, ...words] : []
}

/** A rule in words, for `profile NAME rule show`. */
export function ruleWords({ action, protocol, icmp, source, destination }: AnyRule): string {
  return [
    action.toLowerCase(),
    ...(protocol === undefined ? [] : [String(protocol).toLowerCase()]),
    ...(icmp?.type === undefined
      ? []
      : ['type', String(icmp.type), ...(icmp.code === undefined ? [] : ['code', String(icmp.code)])]),
    ...sideWords('from', source),
    ...sideWords('to', destination),
  ].join(' ')
}
