import { cidrPrefixLength, ipVersion } from '../address/cidr.ts'
import { valueProblems } from '../schema/label-rules.ts'
import type { Problem } from '../schema/problem.ts'
import { hasPorts, protocolNumber } from '../text/port.ts'
import type { EntityRuleSpec, RuleSpec } from './rule.ts'

const ICMP = 1
const ICMP6 = 58
const TCP = 6

export interface RuleContext {
  readonly direction: 'ingress' | 'egress'
  /** The rule belongs to a policy of a namespace. */
  readonly namespaced: boolean
}
type SideName = 'source' | 'destination'

/** What is wrong with the rules of one direction, beyond single fields. */
export function* ruleListProblems(rules: readonly RuleSpec[] = [], context: RuleContext): Iterable<Problem> {
  for (const [at, rule] of rules.entries()) yield* ruleProblems(rule, `spec.${context.direction}[${at}]`, context)
}

function* ruleProblems(rule: RuleSpec, path: string, context: RuleContext): Iterable<Problem> {
  yield* icmpProblems(rule, path)
  yield* familyProblems(rule, path)
  for (const side of ['source', 'destination'] as const) {
    yield* portProblems(rule, side, path)
    yield* selectorProblems(rule[side], `${path}.${side}`)
    yield* serviceProblems(rule[side], side, `${path}.${side}`, context)
  }
  yield* httpProblems(rule, path, context)
  yield* valueProblems('annotation', rule.metadata?.annotations, `${path}.metadata.annotations`)
}

function* icmpProblems(rule: RuleSpec, path: string): Iterable<Problem> {
  const protocol = rule.protocol === undefined ? undefined : protocolNumber(rule.protocol)
  if ((protocol === ICMP && rule.ipVersion === 6) || (protocol === ICMP6 && rule.ipVersion === 4)) {
    const reason = `does not exist in IPv${rule.ipVersion}`
    yield { field: `${path}.protocol`, value: rule.protocol, reason }
  }
  for (const key of ['icmp', 'notICMP'] as const) {
    const match = rule[key]
    if (match === undefined) continue
    if (protocol !== ICMP && protocol !== ICMP6) {
      yield { field: `${path}.${key}`, value: match, reason: 'needs protocol ICMP or ICMPv6' }
    }
    if (match.code !== undefined && match.type === undefined) {
      yield { field: `${path}.${key}.code`, value: match.code, reason: 'needs a type' }
    }
  }
}

/** A packet has one IP version, so a rule that names two can never match. */
function* familyProblems(rule: RuleSpec, path: string): Iterable<Problem> {
  let version = rule.ipVersion
  for (const side of ['source', 'destination'] as const) {
    for (const key of ['nets', 'notNets'] as const) {
      for (const [at, net] of (rule[side][key] ?? []).entries()) {
        const field = `${path}.${side}.${key}[${at}]`
        version ??= ipVersion(net)
        if (ipVersion(net) !== version)
          yield { field, value: net, reason: `must be IPv${version} like the rest of the rule` }
        if (key === 'notNets' && cidrPrefixLength(net) === 0) {
          yield { field, value: net, reason: 'must not be everything: the rule could never match' }
        }
      }
    }
  }
}

function* portProblems(rule: RuleSpec, side: SideName, path: string): Iterable<Problem> {
  if (rule.protocol !== undefined && hasPorts(rule.protocol)) return
  for (const key of ['ports', 'notPorts'] as const) {
    const value = rule[side][key]
    if (value !== undefined && value.length > 0) {
      yield { field: `${path}.${side}.${key}`, value, reason: 'needs protocol TCP, UDP or SCTP' }
    }
  }
}

function* selectorProblems(side: EntityRuleSpec, path: string): Iterable<Problem> {
  const { namespaceSelector } = side
  if (
    namespaceSelector !== undefined &&
    /\bglobal\(/.test(namespaceSelector) &&
    !/^[ \t]*global\([ \t]*\)[ \t]*$/.test(namespaceSelector)
  ) {
    yield {
      field: `${path}.namespaceSelector`,
      value: namespaceSelector,
      reason: 'must contain nothing beside global()',
    }
  }
}

function* serviceProblems(side: EntityRuleSpec, name: SideName, path: string, context: RuleContext): Iterable<Problem> {
  const { services } = side
  if (services === undefined) return
  const field = `${path}.services`
  if (name !== (context.direction === 'ingress' ? 'source' : 'destination')) {
    yield { field, value: services, reason: 'is only for the source of ingress and the destination of egress rules' }
  }
  if (services.name === undefined) yield { field: `${field}.name`, value: undefined, reason: 'is required' }
  if (!context.namespaced && services.namespace === undefined) {
    yield { field: `${field}.namespace`, value: undefined, reason: 'is required outside a namespace' }
  }
  for (const key of ['selector', 'notSelector', 'namespaceSelector', 'nets', 'notNets', 'serviceAccounts'] as const) {
    if (side[key] !== undefined)
      yield { field: `${path}.${key}`, value: side[key], reason: 'cannot go together with services' }
  }
  if (name !== 'destination') return
  for (const key of ['ports', 'notPorts'] as const) {
    if (side[key] !== undefined) {
      yield {
        field: `${path}.${key}`,
        value: side[key],
        reason: 'cannot go together with services: they bring their ports',
      }
    }
  }
}

function* httpProblems(rule: RuleSpec, path: string, context: RuleContext): Iterable<Problem> {
  if (rule.http === undefined) return
  const field = `${path}.http`
  if (rule.action !== 'Allow') yield { field, value: rule.http, reason: 'needs action Allow' }
  if (context.direction === 'egress') yield { field, value: rule.http, reason: 'is only for ingress rules' }
  if (rule.protocol !== undefined && protocolNumber(rule.protocol) !== TCP) {
    yield { field, value: rule.http, reason: 'needs protocol TCP' }
  }
  for (const [at, match] of (rule.http.paths ?? []).entries()) {
    if ((match.exact === undefined) === (match.prefix === undefined)) {
      yield { field: `${field}.paths[${at}]`, value: match, reason: 'must have either exact or prefix' }
    }
  }
}
