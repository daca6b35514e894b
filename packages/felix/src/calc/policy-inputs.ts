/** Policies, profiles, tiers and pools as the graph sees them. */
import type { Resource } from '@calico-node/model'
import type { PolicyInput, PoolInput, ProfileInput, TierInput } from './inputs.ts'
import { policySelector } from './rule-scope.ts'

/** The name in the key, which orders policies and names chains; the resource may carry the one that its author gave. */
const storageName = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

export function networkPolicyInput(key: string, { metadata, spec }: Resource<'NetworkPolicy'>): PolicyInput {
  const namespace = metadata.namespace ?? ''
  const sortName = `${namespace}/${storageName(key)}`
  const types = spec.types ?? []
  return {
    id: `${spec.tier}/${sortName}`,
    tier: spec.tier,
    order: spec.order ?? Number.POSITIVE_INFINITY,
    sortName,
    selector: policySelector({
      selector: spec.selector,
      namespace,
      serviceAccountSelector: spec.serviceAccountSelector,
    }),
    ingress: types.length === 0 || types.includes('Ingress'),
    egress: types.length === 0 || types.includes('Egress'),
    stage: 'normal',
    applyOnForward: false,
    everywhere: (spec.performanceHints ?? []).includes('AssumeNeededOnEveryNode'),
    rules: { namespace, ingress: spec.ingress ?? [], egress: spec.egress ?? [] },
  }
}

export function globalPolicyInput(key: string, { spec }: Resource<'GlobalNetworkPolicy'>): PolicyInput {
  const sortName = storageName(key)
  const types = spec.types ?? []
  const { selector, namespaceSelector, serviceAccountSelector } = spec
  return {
    id: `${spec.tier}/${sortName}`,
    tier: spec.tier,
    order: spec.order ?? Number.POSITIVE_INFINITY,
    sortName,
    selector: policySelector({ selector, namespaceSelector, serviceAccountSelector }),
    ingress: types.length === 0 || types.includes('Ingress'),
    egress: !spec.preDNAT && (types.length === 0 || types.includes('Egress')),
    stage: spec.doNotTrack ? 'untracked' : spec.preDNAT ? 'pre-dnat' : 'normal',
    applyOnForward: spec.applyOnForward ?? false,
    everywhere: (spec.performanceHints ?? []).includes('AssumeNeededOnEveryNode'),
    rules: { ingress: spec.ingress ?? [], egress: spec.egress ?? [] },
  }
}

export const profileInput = ({ metadata, spec }: Resource<'Profile'>): ProfileInput => ({
  id: metadata.name,
  labels: new Map(Object.entries(spec.labelsToApply ?? {})),
  rules: { ingress: spec.ingress ?? [], egress: spec.egress ?? [] },
})

export const tierInput = ({ metadata, spec }: Resource<'Tier'>): TierInput => ({
  name: metadata.name,
  order: spec.order,
  defaultAction: spec.defaultAction,
})

export const poolInput = ({ metadata, spec }: Resource<'IPPool'>): PoolInput => ({
  name: metadata.name,
  cidr: spec.cidr,
  spec,
})
