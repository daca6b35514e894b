/**
 * What one local endpoint sees: the tiers in order and in each the policies that choose it, in order, per direction.
 *
 * Changes only mark endpoints as dirty; `takeDirty` works them out, so a burst costs each endpoint one pass. Nothing is
 * taken before the snapshot is complete, because a list that lacks a policy is wrong, not merely old.
 */
import { Groups } from './groups.ts'
import type { EndpointInput, PolicyInput, TierInput } from './inputs.ts'
import type { EndpointTier, HostEndpoint, PolicyId, WorkloadEndpoint } from './messages.ts'

/** What must stand for the endpoint under `key`; undefined = nothing any more. */
export interface ResolvedEndpoint {
  readonly key: string
  readonly endpoint:
    | { readonly type: 'workload'; readonly value: WorkloadEndpoint }
    | { readonly type: 'host'; readonly value: HostEndpoint }
    | undefined
}

/** What people should know about a tier; undefined = nothing any more. */
export type TierNotice = (tier: string, reason: string | undefined) => void

export class PolicyResolver {
  readonly #notice: TierNotice
  readonly #endpoints = new Map<string, EndpointInput>()
  readonly #policies = new Map<PolicyId, PolicyInput>()
  readonly #tiers = new Map<string, TierInput>()
  readonly #inTier = new Groups<string, PolicyId>()
  readonly #policiesOf = new Groups<string, PolicyId>()
  readonly #endpointsOf = new Groups<PolicyId, string>()
  readonly #dirty = new Set<string>()
  readonly #bgpPeerOf: (endpoint: string) => string | undefined

  constructor(notice: TierNotice, bgpPeerOf: (endpoint: string) => string | undefined) {
    this.#notice = notice
    this.#bgpPeerOf = bgpPeerOf
  }

  get endpointCount(): number {
    return this.#endpoints.size
  }

  setEndpoint(key: string, endpoint: EndpointInput | undefined): void {
    if (endpoint === undefined) this.#endpoints.delete(key)
    else this.#endpoints.set(key, endpoint)
    this.#dirty.add(key)
  }

  setPolicy(policy: PolicyInput): void {
    this.removePolicy(policy.id)
    this.#policies.set(policy.id, policy)
    this.#inTier.add(policy.tier, policy.id)
    this.#noteTier(policy.tier)
  }

  removePolicy(id: PolicyId): void {
    const policy = this.#policies.get(id)
    this.#policies.delete(id)
    this.#markUsers(id)
    if (policy === undefined) return
    this.#inTier.delete(policy.tier, id)
    this.#noteTier(policy.tier)
  }

  setTier(name: string, tier: TierInput | undefined): void {
    if (tier === undefined) this.#tiers.delete(name)
    else this.#tiers.set(name, tier)
    for (const id of this.#inTier.of(name)) this.#markUsers(id)
    this.#noteTier(name)
  }

  /** Policies may come before their tier; one that stays without is in force, and not where its author thought. */
  #noteTier(name: string): void {
    const isMissing = this.#inTier.has(name) && !this.#tiers.has(name)
    const reason = `Tier ${name} does not exist: its policies come after all others and deny what they do not allow`
    this.#notice(name, isMissing ? reason : undefined)
  }

  startMatch(policy: PolicyId, endpoint: string): void {
    this.#policiesOf.add(endpoint, policy)
    this.#endpointsOf.add(policy, endpoint)
    this.#dirty.add(endpoint)
  }

  stopMatch(policy: PolicyId, endpoint: string): void {
    this.#policiesOf.delete(endpoint, policy)
    this.#endpointsOf.delete(policy, endpoint)
    this.#dirty.add(endpoint)
  }

  /** Something that is asked for has changed: the endpoint's BGP peer. */
  touch(endpoint: string): void {
    this.#dirty.add(endpoint)
  }

  takeDirty(): ResolvedEndpoint[] {
    const resolved = [...this.#dirty].map((key) => ({ key, endpoint: this.#resolve(key) }))
    this.#dirty.clear()
    return resolved
  }

  #markUsers(policy: PolicyId): void {
    for (const key of this.#endpointsOf.of(policy)) this.#dirty.add(key)
  }

  #resolve(key: string): ResolvedEndpoint['endpoint'] {
    const endpoint = this.#endpoints.get(key)
    if (endpoint === undefined) return undefined
    const policies = [...this.#policiesOf.of(key)]
      .flatMap((id) => this.#policies.get(id) ?? [])
      .toSorted((a, b) => this.#compare(a, b))
    const tiers = (chosen: (policy: PolicyInput) => boolean): EndpointTier[] => this.#tiersOf(policies.filter(chosen))
    const normal = tiers((policy) => policy.stage === 'normal')
    if (endpoint.type === 'workload') {
      const { id, interfaceName, mac, nets, floatingIps, parents } = endpoint
      const bgpPeer = this.#bgpPeerOf(key)
      const value = {
        id,
        interfaceName,
        ...(mac !== undefined && { mac }),
        nets,
        ...(floatingIps !== undefined && { floatingIps }),
        tiers: normal,
        profiles: parents,
        ...(bgpPeer !== undefined && { bgpPeer }),
      }
      return { type: 'workload', value }
    }
    const { name, interfaceName, expectedIps, parents } = endpoint
    const value: HostEndpoint = {
      name,
      ...(interfaceName !== undefined && { interfaceName }),
      expectedIps,
      tiers: normal,
      untrackedTiers: tiers((policy) => policy.stage === 'untracked'),
      preDnatTiers: tiers((policy) => policy.stage === 'pre-dnat'),
      forwardTiers: tiers((policy) => policy.stage === 'normal' && policy.applyOnForward),
      profiles: parents,
    }
    return { type: 'host', value }
  }

  /** Groups sorted policies by tier; a tier none of which applies in a direction has an empty list there. */
  #tiersOf(policies: readonly PolicyInput[]): EndpointTier[] {
    const byTier = Map.groupBy(policies, (policy) => policy.tier)
    return [...byTier].map(([name, inTier]) => ({
      name,
      defaultAction: this.#tiers.get(name)?.defaultAction ?? 'Deny',
      ingress: inTier.filter((policy) => policy.ingress).map((policy) => policy.id),
      egress: inTier.filter((policy) => policy.egress).map((policy) => policy.id),
    }))
  }

  /** Tiers that exist come first, by order, then name; policies by order, then name. */
  #compare(a: PolicyInput, b: PolicyInput): number {
    const [tierA, tierB] = [this.#tiers.get(a.tier), this.#tiers.get(b.tier)]
    return (
      Number(tierA === undefined) - Number(tierB === undefined) ||
      compare(tierA?.order ?? 0, tierB?.order ?? 0) ||
      compare(a.tier, b.tier) ||
      compare(a.order, b.order) ||
      compare(a.sortName, b.sortName) ||
      compare(a.id, b.id)
    )
  }
}

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)
