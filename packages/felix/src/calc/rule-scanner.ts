/**
 * Turns the rules of the active policies and profiles into rules over IP sets, and keeps count of who needs which set.
 *
 * Each distinct selector, and each distinct (selector, protocol, port name), is one set, shared by every rule that uses
 * it and held for as long as one owner does.
 */
import { portRange, protocolNumber, type EntityRuleSpec, type Protocol, type RuleSpec } from '@calico-node/model'
import { parseSelector } from '@calico-node/selector'
import { Groups } from './groups.ts'
import type { PortProtocol, RuleSource } from './inputs.ts'
import type { CalcRule, CalcSide, PortSpec, RuleLists, SetId } from './messages.ts'
import { sideSelectors } from './rule-scope.ts'
import { namedPortSet, selectorSet, type SetSpec } from './set-id.ts'

export interface ScannedRules {
  readonly rules: RuleLists
  readonly sets: ReadonlyMap<SetId, SetSpec>
}

/** Pure: the same source always gives the same rules and set names. @throws INVALID when a selector does not parse */
export function scanRules(source: RuleSource): ScannedRules {
  const sets = new Map<SetId, SetSpec>()
  const need = (spec: SetSpec): SetId => {
    sets.set(spec.id, spec)
    return spec.id
  }
  const scan = (rules: readonly RuleSpec[]): CalcRule[] =>
    rules.filter((rule) => whyInert(rule) === undefined).map((rule) => scanRule(rule, source.namespace, need))
  return { rules: { ingress: scan(source.ingress), egress: scan(source.egress) }, sets }
}

/** Why a rule can match nothing here; undefined when it can. */
function whyInert({ http, source, destination }: RuleSpec): string | undefined {
  if (http !== undefined) return 'HTTP requests are not looked into'
  if (source.services ?? destination.services) return 'services are not known without Kubernetes'
  return undefined
}

/** The rules that match nothing, and why. */
export function inertRules(source: RuleSource | undefined): string[] {
  const list = (name: string, rules: readonly RuleSpec[] = []): string[] =>
    rules.flatMap((rule, index) => {
      const why = whyInert(rule)
      return why === undefined ? [] : [`${name}[${index}] matches nothing: ${why}`]
    })
  return [...list('ingress', source?.ingress), ...list('egress', source?.egress)]
}

const ACTIONS = { Allow: 'allow', Deny: 'deny', Pass: 'pass', Log: 'log' } as const satisfies Record<
  string,
  CalcRule['action']
>

type Need = (spec: SetSpec) => SetId

function scanRule(rule: RuleSpec, namespace: string | undefined, need: Need): CalcRule {
  const { protocol, notProtocol, ipVersion, icmp, notICMP } = rule
  const portsOf = namedPortProtocol(protocol)
  return {
    action: ACTIONS[rule.action],
    ...(ipVersion !== undefined && { ipVersion }),
    ...(protocol !== undefined && { protocol: protocolNumber(protocol) }),
    ...(notProtocol !== undefined && { notProtocol: protocolNumber(notProtocol) }),
    ...(icmp?.type !== undefined && { icmp: { type: icmp.type, ...(icmp.code !== undefined && { code: icmp.code }) } }),
    ...(notICMP?.type !== undefined && {
      notIcmp: { type: notICMP.type, ...(notICMP.code !== undefined && { code: notICMP.code }) },
    }),
    source: scanSide(rule.source, { namespace, portsOf, need }),
    destination: scanSide(rule.destination, { namespace, portsOf, need }),
    comments: Object.entries(rule.metadata?.annotations ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .toSorted(),
  }
}

/** Named ports are those of TCP unless the rule says otherwise. */
function namedPortProtocol(protocol: Protocol | undefined): PortProtocol {
  const number = protocol === undefined ? 6 : protocolNumber(protocol)
  return number === 17 ? 'udp' : number === 132 ? 'sctp' : 'tcp'
}

interface SideContext {
  readonly namespace: string | undefined
  readonly portsOf: PortProtocol
  readonly need: Need
}

function scanSide(side: EntityRuleSpec, { namespace, portsOf, need }: SideContext): CalcSide {
  const { positive, negative } = sideSelectors(side, namespace)
  const holders = positive ?? parseSelector('all()')
  const split = (ports: EntityRuleSpec['ports']): { numbers: PortSpec[]; sets: SetId[] } => {
    const numbers: PortSpec[] = []
    const sets: SetId[] = []
    for (const port of ports ?? []) {
      const range = portRange(port)
      if (range === undefined) sets.push(need(namedPortSet(holders, portsOf, String(port))))
      else numbers.push(range)
    }
    return { numbers, sets }
  }
  const ports = split(side.ports)
  const notPorts = split(side.notPorts)
  // A set of named ports holds the selected addresses already.
  const onlyNamed = ports.sets.length > 0 && ports.numbers.length === 0
  return {
    nets: side.nets ?? [],
    notNets: side.notNets ?? [],
    ports: ports.numbers,
    notPorts: notPorts.numbers,
    sets: positive !== undefined && !onlyNamed ? [need(selectorSet(positive))] : [],
    notSets: negative === undefined ? [] : [need(selectorSet(negative))],
    portSets: ports.sets,
    notPortSets: notPorts.sets,
  }
}

export interface ScannerListener {
  setActive(spec: SetSpec): void
  setInactive(id: SetId): void
}

/** Counts the owners (policies, profiles) of each set. */
export class RuleScanner {
  readonly #listener: ScannerListener
  readonly #setsOf = new Map<string, ReadonlyMap<SetId, SetSpec>>()
  readonly #owners = new Groups<SetId, string>()

  constructor(listener: ScannerListener) {
    this.#listener = listener
  }

  get activeSets(): number {
    return this.#owners.size
  }

  /** The rules that `owner` now has. Sets it newly needs are announced before those it gave up are withdrawn. */
  update(owner: string, source: RuleSource): RuleLists {
    const { rules, sets } = scanRules(source)
    this.#replace(owner, sets)
    return rules
  }

  remove(owner: string): void {
    this.#replace(owner, new Map())
  }

  #replace(owner: string, sets: ReadonlyMap<SetId, SetSpec>): void {
    const before = this.#setsOf.get(owner)
    if (sets.size === 0) this.#setsOf.delete(owner)
    else this.#setsOf.set(owner, sets)
    for (const [id, spec] of sets) {
      const isNew = !this.#owners.has(id)
      this.#owners.add(id, owner)
      if (isNew) this.#listener.setActive(spec)
    }
    for (const id of before?.keys() ?? []) {
      if (sets.has(id)) continue
      this.#owners.delete(id, owner)
      if (!this.#owners.has(id)) this.#listener.setInactive(id)
    }
  }
}
