import { doc, object, oneOf, order } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import { findResourceName, isDnsLabel } from '../text/names.ts'
import type { Checked, KindDefinition } from './definition.ts'

/** Orders of the tiers that nodes make at start; they cannot be changed. */
export const FIXED_TIER_ORDERS: Readonly<Record<string, number>> = {
  default: 1_000_000,
  adminnetworkpolicy: 1000,
  baselineadminnetworkpolicy: 10_000_000,
  'kube-admin': 1000,
  'kube-baseline': 10_000_000,
}

export const tierSpec = object({
  order: doc(order().prefault(1_000_000), 'Tiers are passed in rising order, those of equal order by name.'),
  defaultAction: doc(
    oneOf('Deny', 'Pass').default('Deny'),
    'What happens to traffic that policies of the tier apply to and none of them decides.',
  ),
})

export type TierSpec = Output<typeof tierSpec>

export const tier: KindDefinition<typeof tierSpec, TierSpec> = {
  plural: 'tiers',
  namespaced: false,
  aliases: [],
  summary: 'A group of policies that is passed as a whole before the next.',
  spec: tierSpec,
  checkWrite: tierProblems,
}

function* tierProblems({ metadata: { name }, spec }: Checked<TierSpec>): Iterable<Problem> {
  if (findResourceName(name) !== undefined && !isDnsLabel(name)) {
    const reason = 'must be without a dot, at most 63 characters'
    yield { field: 'metadata.name', value: name, reason }
  }
  const fixed = Object.hasOwn(FIXED_TIER_ORDERS, name) ? FIXED_TIER_ORDERS[name] : undefined
  if (fixed !== undefined && spec.order !== fixed) {
    yield { field: 'spec.order', value: spec.order, reason: `must be ${fixed} in tier "${name}"` }
  }
}
