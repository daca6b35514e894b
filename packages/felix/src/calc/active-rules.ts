/**
 * Which policies and profiles this host needs: those that choose, or are named by, at least one of its own endpoints.
 * A profile that is named and does not exist (or is invalid) stands as one that denies everything.
 */
import type { RuleSpec } from '@calico-node/model'
import { Groups } from './groups.ts'
import type { EndpointInput, PolicyInput, ProfileInput, RuleSource } from './inputs.ts'
import { type LabelCounts, LabelIndex } from './label-index.ts'
import type { PolicyId, ProfileId } from './messages.ts'

export interface ActiveRulesListener {
  /** The policy is needed, or has changed while it is. */
  policyActive(policy: PolicyInput): void
  policyInactive(id: PolicyId): void
  /** The profile is needed, or has changed while it is. */
  profileActive(id: ProfileId, rules: RuleSource): void
  profileInactive(id: ProfileId): void
  /** A policy begins to choose a local endpoint. */
  matchStarted(policy: PolicyId, endpoint: string): void
  matchStopped(policy: PolicyId, endpoint: string): void
}

const bare = (action: 'Allow' | 'Deny'): RuleSpec => ({ action, source: {}, destination: {} })
const DENY_ALL: RuleSource = { ingress: [bare('Deny')], egress: [bare('Deny')] }
const ALLOW_ALL: RuleSource = { ingress: [bare('Allow')], egress: [bare('Allow')] }
/** Exists in every cluster without being stored. */
const DEFAULT_ALLOW: ProfileId = 'projectcalico-default-allow'

export class ActiveRules {
  readonly #listener: ActiveRulesListener
  readonly #policies = new Map<PolicyId, PolicyInput>()
  readonly #profiles = new Map<ProfileId, ProfileInput>()
  readonly #profilesOf = new Map<string, readonly ProfileId[]>()
  /** Local endpoints by the profiles they name, and by the policies that choose them. */
  readonly #users = new Groups<ProfileId, string>()
  readonly #chosen = new Groups<PolicyId, string>()
  readonly #index = new LabelIndex<EndpointInput>((policy, before, after) => this.#onMatch(policy, before, after))
  /** What the listener was told last. */
  readonly #activePolicies = new Map<PolicyId, PolicyInput>()
  readonly #activeProfiles = new Map<ProfileId, RuleSource>()

  constructor(listener: ActiveRulesListener) {
    this.#listener = listener
  }

  get labelCounts(): LabelCounts {
    return this.#index.counts
  }

  get activePolicies(): number {
    return this.#activePolicies.size
  }

  /** Adds, replaces or (with undefined) removes a local endpoint. */
  setEndpoint(key: string, endpoint: EndpointInput | undefined): void {
    const before = this.#profilesOf.get(key) ?? []
    const after = endpoint?.parents ?? []
    if (endpoint === undefined) this.#profilesOf.delete(key)
    else this.#profilesOf.set(key, after)
    for (const profile of before) this.#users.delete(profile, key)
    for (const profile of after) this.#users.add(profile, key)
    for (const profile of new Set([...before, ...after])) this.#syncProfile(profile)
    this.#index.setItem(key, endpoint)
  }

  setPolicy(id: PolicyId, policy: PolicyInput | undefined): void {
    if (policy === undefined) this.#policies.delete(id)
    else this.#policies.set(id, policy)
    this.#index.setSelector(id, policy?.selector)
    this.#syncPolicy(id)
  }

  setProfile(id: ProfileId, profile: ProfileInput | undefined): void {
    if (profile === undefined) this.#profiles.delete(id)
    else this.#profiles.set(id, profile)
    this.#index.setParent(id, profile?.labels)
    this.#syncProfile(id)
  }

  #onMatch(policy: PolicyId, before: EndpointInput | undefined, after: EndpointInput | undefined): void {
    if (before === undefined && after !== undefined) {
      this.#chosen.add(policy, after.key)
      this.#syncPolicy(policy)
      this.#listener.matchStarted(policy, after.key)
    } else if (before !== undefined && after === undefined) {
      this.#chosen.delete(policy, before.key)
      this.#listener.matchStopped(policy, before.key)
      this.#syncPolicy(policy)
    }
  }

  #syncPolicy(id: PolicyId): void {
    const policy = this.#policies.get(id)
    if (policy !== undefined && (policy.everywhere || this.#chosen.has(id))) {
      if (this.#activePolicies.get(id) === policy) return
      this.#activePolicies.set(id, policy)
      this.#listener.policyActive(policy)
    } else if (this.#activePolicies.delete(id)) this.#listener.policyInactive(id)
  }

  #syncProfile(id: ProfileId): void {
    if (this.#users.has(id)) {
      const rules = this.#profiles.get(id)?.rules ?? (id === DEFAULT_ALLOW ? ALLOW_ALL : DENY_ALL)
      if (this.#activeProfiles.get(id) === rules) return
      this.#activeProfiles.set(id, rules)
      this.#listener.profileActive(id, rules)
    } else if (this.#activeProfiles.delete(id)) this.#listener.profileInactive(id)
  }
}
