import { doc, flag, list, name, object, oneOf, opt, order, selector } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import { policyNameProblems } from '../resource/policy-name.ts'
import type { Checked, KindDefinition } from './definition.ts'
import { rules } from './rule.ts'
import { ruleListProblems } from './rule-problems.ts'

const head = {
  tier: doc(name().prefault('default'), 'Tier that the policy belongs to; it must exist.'),
  order: opt(order(), 'Policies of a tier are passed in rising order, those of equal order by name. Absent: last.'),
  ingress: opt(rules(), 'Rules for traffic to the selected endpoints; the first that matches decides.'),
  egress: opt(rules(), 'Rules for traffic from the selected endpoints; the first that matches decides.'),
  selector: opt(selector(), 'Endpoints that the policy applies to. Absent: all.'),
  types: opt(list(oneOf('Ingress', 'Egress')), 'Directions that the policy applies to.', {
    fallback: 'in a new policy: those that it has rules for, Ingress if it has none',
  }),
}
const serviceAccountSelector = opt(selector(), 'Further restricts the endpoints, by labels of their service accounts.')
const performanceHints = opt(list(oneOf('AssumeNeededOnEveryNode')), 'Hints; they change no verdict.')

export const networkPolicySpec = object({ ...head, serviceAccountSelector, performanceHints })

export const globalNetworkPolicySpec = object({
  ...head,
  doNotTrack: opt(flag(), 'Apply before connection tracking (host endpoints only).'),
  preDNAT: opt(flag(), 'Apply before destinations are rewritten (host endpoints only).'),
  applyOnForward: opt(flag(), 'Apply to traffic that a host endpoint forwards, too.'),
  serviceAccountSelector,
  namespaceSelector: opt(selector(), 'Further restricts the endpoints, by labels of their namespaces.'),
  performanceHints,
})

const stagedAction = doc(oneOf('Set', 'Delete', 'Learn', 'Ignore').default('Set'), 'What enforcing it would do.')
export const stagedNetworkPolicySpec = object({ stagedAction, ...networkPolicySpec.shape })
export const stagedGlobalNetworkPolicySpec = object({ stagedAction, ...globalNetworkPolicySpec.shape })

export type NetworkPolicySpec = Output<typeof networkPolicySpec>
export type GlobalNetworkPolicySpec = Output<typeof globalNetworkPolicySpec>
export type StagedNetworkPolicySpec = Output<typeof stagedNetworkPolicySpec>
export type StagedGlobalNetworkPolicySpec = Output<typeof stagedGlobalNetworkPolicySpec>
type AnyPolicy = NetworkPolicySpec & Partial<GlobalNetworkPolicySpec>

export const networkPolicy: KindDefinition<typeof networkPolicySpec, NetworkPolicySpec> = {
  plural: 'networkpolicies',
  namespaced: true,
  aliases: ['policy', 'policies', 'np', 'nps', 'pol', 'pols'],
  summary: 'Rules for the endpoints of one namespace.',
  spec: networkPolicySpec,
  complete: withTypes,
  check: (resource) => policyProblems(resource, true),
  checkWrite: ({ metadata, spec }) => policyNameProblems(metadata.name, spec.tier),
}

export const globalNetworkPolicy: KindDefinition<typeof globalNetworkPolicySpec, GlobalNetworkPolicySpec> = {
  plural: 'globalnetworkpolicies',
  namespaced: false,
  aliases: ['gnp', 'gnps'],
  summary: 'Rules for endpoints of any namespace and for hosts.',
  spec: globalNetworkPolicySpec,
  complete: withTypes,
  check: globalPolicyProblems,
  checkWrite: ({ metadata, spec }) => policyNameProblems(metadata.name, spec.tier),
}

export const stagedNetworkPolicy: KindDefinition<typeof stagedNetworkPolicySpec, StagedNetworkPolicySpec> = {
  ...networkPolicy,
  plural: 'stagednetworkpolicies',
  aliases: ['stagedpolicy', 'stagedpolicies', 'snp', 'snps', 'spol', 'spols'],
  summary: 'A network policy that is not enforced yet.',
  spec: stagedNetworkPolicySpec,
  complete: (spec) => (spec.stagedAction === 'Delete' ? spec : withTypes(spec)),
  check: function* (resource) {
    yield* policyProblems(resource, true)
    yield* deleteProblems(resource.spec)
  },
}

export const stagedGlobalNetworkPolicy: KindDefinition<
  typeof stagedGlobalNetworkPolicySpec,
  StagedGlobalNetworkPolicySpec
> = {
  ...globalNetworkPolicy,
  plural: 'stagedglobalnetworkpolicies',
  aliases: ['sgnp', 'sgnps'],
  summary: 'A global network policy that is not enforced yet.',
  spec: stagedGlobalNetworkPolicySpec,
  complete: (spec) => (spec.stagedAction === 'Delete' ? spec : withTypes(spec)),
  check: function* (resource) {
    yield* globalPolicyProblems(resource)
    yield* deleteProblems(resource.spec)
  },
}

/** A writer says which directions a policy applies to; without the list readers enforce both. */
function withTypes<Spec extends AnyPolicy>(spec: Spec): Spec {
  if (spec.types !== undefined && spec.types.length > 0) return spec
  const [ingress, egress] = [spec.ingress ?? [], spec.egress ?? []]
  if (egress.length === 0) return { ...spec, types: ['Ingress'] }
  return { ...spec, types: ingress.length === 0 ? ['Egress'] : ['Ingress', 'Egress'] }
}

function* policyProblems({ spec }: Checked<AnyPolicy>, namespaced: boolean): Iterable<Problem> {
  const types = spec.types ?? []
  if (new Set(types).size < types.length)
    yield { field: 'spec.types', value: types, reason: 'must not name a direction twice' }
  yield* ruleListProblems(spec.ingress, { direction: 'ingress', namespaced })
  yield* ruleListProblems(spec.egress, { direction: 'egress', namespaced })
}

function* globalPolicyProblems(resource: Checked<GlobalNetworkPolicySpec>): Iterable<Problem> {
  const { doNotTrack = false, preDNAT = false, applyOnForward = false, egress = [], types = [] } = resource.spec
  if (doNotTrack && preDNAT) yield { field: 'spec.preDNAT', value: true, reason: 'cannot go together with doNotTrack' }
  if ((doNotTrack || preDNAT) && !applyOnForward) {
    const reason = `must be true with ${preDNAT ? 'preDNAT' : 'doNotTrack'}`
    yield { field: 'spec.applyOnForward', value: applyOnForward, reason }
  }
  if (preDNAT && egress.length > 0)
    yield { field: 'spec.egress', value: egress, reason: 'cannot go together with preDNAT' }
  if (preDNAT && types.includes('Egress')) {
    yield { field: 'spec.types', value: types, reason: 'must not contain Egress with preDNAT' }
  }
  yield* policyProblems(resource, false)
}

function* deleteProblems(spec: StagedNetworkPolicySpec): Iterable<Problem> {
  if (spec.stagedAction !== 'Delete') return
  for (const [key, value] of Object.entries(spec)) {
    if (key !== 'stagedAction' && key !== 'tier' && value !== undefined) {
      yield { field: `spec.${key}`, value, reason: 'must be absent with stagedAction Delete' }
    }
  }
}
