import { object, opt, textMap } from '../schema/fields.ts'
import { valueProblems } from '../schema/label-rules.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'
import { rules } from './rule.ts'
import { ruleListProblems } from './rule-problems.ts'

export const profileSpec = object({
  ingress: opt(rules(), 'Rules for traffic to the endpoints; the first that matches decides.'),
  egress: opt(rules(), 'Rules for traffic from the endpoints; the first that matches decides.'),
  labelsToApply: opt(textMap(), 'Labels that the endpoints inherit unless they have them themselves.'),
})

export type ProfileSpec = Output<typeof profileSpec>

export const profile: KindDefinition<typeof profileSpec, ProfileSpec> = {
  plural: 'profiles',
  namespaced: false,
  aliases: ['pro', 'pros'],
  summary: 'Rules and labels for the endpoints that name it. Rules of profiles come after all tiers.',
  spec: profileSpec,
  check: profileProblems,
  checkWrite: ({ spec }) => valueProblems('label', spec.labelsToApply, 'spec.labelsToApply'),
}

function* profileProblems({ spec }: Checked<ProfileSpec>): Iterable<Problem> {
  yield* ruleListProblems(spec.ingress, { direction: 'ingress', namespaced: false })
  yield* ruleListProblems(spec.egress, { direction: 'egress', namespaced: false })
}
