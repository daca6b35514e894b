/**
 * Which flows policy would refuse if they began now. Keeps what the graph says of this host's workloads; knows nothing of
 * the kernel. Host endpoints are not asked, and what the host itself sends is nobody's business here.
 */
import { cidrBase, type Ip } from '@calico-node/model'
import {
  type CalcMessage,
  type CalcRule,
  type RuleLists,
  type WorkloadEndpoint,
  workloadKey,
} from '../calc/messages.ts'
import type { PolicyDirection } from '../rules/names.ts'
import { MemberSet } from './member-set.ts'
import { type Flow, ruleMatches } from './rule-match.ts'

export class FlowJudge {
  readonly #sets = new Map<string, MemberSet>()
  readonly #policies = new Map<string, RuleLists>()
  readonly #profiles = new Map<string, RuleLists>()
  readonly #endpoints = new Map<string, WorkloadEndpoint>()
  readonly #owners = new Map<Ip, WorkloadEndpoint>()

  /** @returns Whether the message can change what is allowed. */
  onMessage(message: CalcMessage): boolean {
    switch (message.kind) {
      case 'ipset.update':
        this.#sets.set(message.id, new MemberSet(message.members))
        return true
      case 'ipset.delta':
        this.#sets.get(message.id)?.change(message.added, message.removed)
        return true
      case 'ipset.remove':
        return this.#sets.delete(message.id)
      case 'policy.update':
        return Boolean(this.#policies.set(message.id, message.rules))
      case 'policy.remove':
        return this.#policies.delete(message.id)
      case 'profile.update':
        return Boolean(this.#profiles.set(message.id, message.rules))
      case 'profile.remove':
        return this.#profiles.delete(message.id)
      case 'workload.update':
        this.#replace(workloadKey(message.endpoint.id), message.endpoint)
        return true
      case 'workload.remove':
        this.#replace(workloadKey(message.id), undefined)
        return true
      default:
        return false
    }
  }

  /** @param hostIps Addresses of this host. */
  refuses(flow: Flow, hostIps: ReadonlySet<Ip>): boolean {
    if (hostIps.has(flow.source.ip)) return false
    const sender = this.#owners.get(flow.source.ip)
    const receiver = this.#owners.get(flow.destination.ip)
    return (
      (sender !== undefined && !this.#allows(sender, 'egress', flow)) ||
      (receiver !== undefined && !this.#allows(receiver, 'ingress', flow))
    )
  }

  #replace(key: string, endpoint: WorkloadEndpoint | undefined): void {
    const before = this.#endpoints.get(key)
    for (const net of before?.nets ?? [])
      if (this.#owners.get(cidrBase(net)) === before) this.#owners.delete(cidrBase(net))
    if (endpoint === undefined) this.#endpoints.delete(key)
    else this.#endpoints.set(key, endpoint)
    for (const net of endpoint?.nets ?? []) if (endpoint !== undefined) this.#owners.set(cidrBase(net), endpoint)
  }

  #allows({ tiers, profiles }: WorkloadEndpoint, direction: PolicyDirection, flow: Flow): boolean {
    tiers: for (const tier of tiers) {
      for (const id of tier[direction]) {
        const action = this.#decide(this.#policies.get(id)?.[direction], flow)
        if (action === 'pass') continue tiers
        if (action !== undefined) return action === 'allow'
      }
      if (tier.defaultAction === 'Deny' && tier[direction].length > 0) return false
    }
    for (const id of profiles) {
      const action = this.#decide(this.#profiles.get(id)?.[direction], flow)
      if (action === 'allow' || action === 'deny') return action === 'allow'
    }
    return false
  }

  #decide(rules: readonly CalcRule[] = [], flow: Flow): 'allow' | 'deny' | 'pass' | undefined {
    for (const rule of rules) if (rule.action !== 'log' && ruleMatches(rule, flow, this.#sets)) return rule.action
    return undefined
  }
}
