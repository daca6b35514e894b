/** Rules of v1 policies and profiles as rules of v3. Pure. */
import { compact, fault, fieldsOf, listOf, textOf } from './fields.ts'
import { labelKeyOf, selectorOf } from './names.ts'

const ACTIONS: Readonly<Record<string, string>> = {
  allow: 'Allow',
  deny: 'Deny',
  log: 'Log',
  pass: 'Pass',
  'next-tier': 'Pass',
}
const PROTOCOLS: Readonly<Record<string, string>> = {
  tcp: 'TCP',
  udp: 'UDP',
  icmp: 'ICMP',
  icmpv6: 'ICMPv6',
  sctp: 'SCTP',
  udplite: 'UDPLite',
}

function actionOf(value: unknown, at: string): string {
  const text = (textOf(value, at) ?? 'allow').toLowerCase()
  const action = ACTIONS[text === '' ? 'allow' : text]
  if (action === undefined) throw fault(at, value, `must be one of ${Object.keys(ACTIONS).join(', ')}`)
  return action
}

/** A name in the spelling of v3; numbers, also those in quotes, as they are. */
export function protocolOf(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? undefined
  return PROTOCOLS[value.toLowerCase()] ?? (/^\d+$/.test(value) ? Number(value) : value)
}

/** One network and a list of them were two fields. */
const netsOf = (net: unknown, nets: unknown, at: string): unknown[] => [
  ...(net === undefined || net === null || net === '' ? [] : [net]),
  ...listOf(nets, at),
]

/** An endpoint has a tag when the label of that name is there, whatever its value. */
const hasTag = (tag: string): string => `has(${labelKeyOf(tag)})`

/** @param join `&&` where both must hold, `||` where each excludes. */
function selectorWithTag(selector: unknown, tag: unknown, at: string, join: '&&' | '||'): string | undefined {
  const text = textOf(selector, at) ?? ''
  const tagName = textOf(tag, at) ?? ''
  const rewritten = text === '' ? '' : selectorOf(text)
  if (tagName === '') return rewritten === '' ? undefined : rewritten
  return rewritten === '' ? hasTag(tagName) : `(${rewritten}) ${join} ${hasTag(tagName)}`
}

const SIDE = [
  'tag',
  'net',
  'nets',
  'selector',
  'ports',
  'notTag',
  'notNet',
  'notNets',
  'notSelector',
  'notPorts',
] as const

function sideOf(value: unknown, at: string): Record<string, unknown> {
  const side = fieldsOf(value, at, SIDE)
  return compact({
    nets: netsOf(side.net, side.nets, `${at}.nets`),
    selector: selectorWithTag(side.selector, side.tag, `${at}.selector`, '&&'),
    ports: listOf(side.ports, `${at}.ports`),
    notNets: netsOf(side.notNet, side.notNets, `${at}.notNets`),
    notSelector: selectorWithTag(side.notSelector, side.notTag, `${at}.notSelector`, '||'),
    notPorts: listOf(side.notPorts, `${at}.notPorts`),
  })
}

const RULE = ['action', 'ipVersion', 'protocol', 'icmp', 'notProtocol', 'notICMP', 'source', 'destination'] as const

function ruleOf(value: unknown, at: string): Record<string, unknown> {
  const rule = fieldsOf(value, at, RULE)
  return {
    action: actionOf(rule.action, `${at}.action`),
    ...compact({
      ipVersion: rule.ipVersion,
      protocol: protocolOf(rule.protocol),
      icmp: fieldsOf(rule.icmp, `${at}.icmp`, ['type', 'code']),
      notProtocol: protocolOf(rule.notProtocol),
      notICMP: fieldsOf(rule.notICMP, `${at}.notICMP`, ['type', 'code']),
    }),
    source: sideOf(rule.source, `${at}.source`),
    destination: sideOf(rule.destination, `${at}.destination`),
  }
}

/** @throws INVALID naming the field */
export const rulesOf = (value: unknown, at: string): Record<string, unknown>[] =>
  listOf(value, at).map((rule, i) => ruleOf(rule, `${at}[${i}]`))
