/** Counts what the random cases were made of. */
import type { Resource, RuleSpec } from '@calico-node/model'
import type { Verdict } from '@calico-node/policy'
import { rulesOf } from './rules.ts'
import { type Shot, UPLINK } from '../kernel/wires.ts'
import { HOST } from '../questions.ts'

export class Coverage {
  cases = 0
  scenarios = 0
  /** Cases that agreed only at a later look. */
  late = 0
  readonly #groups = new Map<string, Map<string, number>>()

  /** @param way How the host came to hold them. */
  addScenario(resources: readonly Resource[], way: string): void {
    this.scenarios++
    this.#count('entered by', way)
    for (const item of resources) {
      this.#count('resources', item.kind)
      if (item.kind === 'HostEndpoint') this.#count('host endpoints', item.spec.interfaceName ?? 'by address')
      for (const rule of rulesOf(item)) this.#addRule(rule)
    }
  }

  addCase({ packet, from, to }: Shot, { action, stages }: Verdict): void {
    this.cases++
    this.#count('verdicts', action)
    this.#count('ways', `${spot(from)} to ${spot(to)}`)
    this.#count('IP version', packet.source.includes(':') ? '6' : '4')
    this.#count('protocols', String(packet.protocol))
    const last = stages.at(-1)
    this.#count('deciding stage', last === undefined ? 'none' : `${last.kind} ${last.direction}`)
    this.#count('decided by', last === undefined ? 'nothing' : last.decision.kind)
    for (const { steps } of stages) for (const { outcome } of steps) this.#count('rules tried', outcome)
  }

  share(verdict: 'allow' | 'deny'): number {
    return (this.#groups.get('verdicts')?.get(verdict) ?? 0) / Math.max(1, this.cases)
  }

  of(group: string): ReadonlyMap<string, number> {
    return this.#groups.get(group) ?? new Map()
  }

  /** A line for each group. */
  toString(): string {
    const lines = [...this.#groups].map(([group, counts]) => {
      const sorted = [...counts].toSorted(([, a], [, b]) => b - a).map(([what, count]) => `${what} ${count}`)
      return `${group}: ${sorted.join(', ')}`
    })
    return [`${this.cases} cases in ${this.scenarios} scenarios, ${this.late} late`, ...lines].join('\n')
  }

  #addRule(rule: RuleSpec): void {
    this.#count('actions', rule.action)
    const lists = [rule.source.nets, rule.destination.nets].filter((nets = []) => nets.length > 1)
    const long = [rule.source.ports, rule.destination.ports].filter((ports = []) => ports.length > 8)
    this.#count('lists of alternatives in a rule', String(lists.length + long.length))
    for (const [field, value] of Object.entries(rule)) {
      if (value === undefined || field === 'action') continue
      if (field !== 'source' && field !== 'destination') this.#count('rule fields', field)
      else
        for (const [part, inner] of Object.entries(value))
          if (inner !== undefined) this.#count('rule fields', `${field}.${part}`)
    }
  }

  #count(group: string, what: string): void {
    const counts = this.#groups.get(group) ?? new Map<string, number>()
    counts.set(what, (counts.get(what) ?? 0) + 1)
    this.#groups.set(group, counts)
  }
}

const spot = (name: string): string => (name === HOST ? 'host' : name === UPLINK ? 'outside' : 'workload')
