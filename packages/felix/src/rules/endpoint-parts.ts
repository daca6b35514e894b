/** What the chains of endpoints are put together from, whatever their table. */
import type { Action, Rule } from '@calico-node/linux'
import type { EndpointTier, ProfileId } from '../calc/messages.ts'
import type { Marks } from './marks.ts'
import { policyChainName, type PolicyDirection, profileChainName } from './names.ts'
import { clearMark, jump, marked, RETURN, rule, setMark, tracked, unmarked } from './vocabulary.ts'

/** How the chains of one table say yes and no. */
export interface ChainStyle {
  readonly marks: Marks
  /** What happens to packets of established flows. */
  readonly allow: Action
  readonly deny: Action
  readonly dropInvalid: boolean
}

/** What connection tracking already knows. */
export function connectionRules({ marks, allow, deny, dropInvalid }: ChainStyle): Rule[] {
  const established = [tracked('RELATED', 'ESTABLISHED')]
  return [
    ...(allow.kind === 'return' ? [rule(established, setMark(marks.accept))] : []),
    rule(established, allow),
    ...(dropInvalid ? [rule([tracked('INVALID')], deny)] : []),
  ]
}

export interface TierOptions {
  /** Whether the end of a tier denies, where the tier says so. Default true. */
  readonly closed?: boolean
  /** What else happens to packets that a policy allows, before the chain is left. */
  readonly onAllowed?: Action
}

/** Tiers in order; one without a policy in the direction is skipped. */
export function tierRules(
  tiers: readonly EndpointTier[],
  direction: PolicyDirection,
  { marks, deny }: ChainStyle,
  { closed = true, onAllowed }: TierOptions = {},
): Rule[] {
  return tiers
    .filter((tier) => tier[direction].length > 0)
    .flatMap((tier) => [
      rule([], clearMark(marks.pass), `Tier ${tier.name}`),
      ...tier[direction].flatMap((id) => [
        rule([unmarked(marks.pass)], jump(policyChainName(id, direction))),
        ...(onAllowed === undefined ? [] : [rule([marked(marks.accept)], onAllowed)]),
        rule([marked(marks.accept)], RETURN, 'Allowed by policy'),
      ]),
      ...(closed && tier.defaultAction === 'Deny'
        ? [rule([unmarked(marks.pass)], deny, `Tier ${tier.name}: not allowed, not passed on`)]
        : []),
    ])
}

/** Profiles in order. */
export const profileRules = (
  profiles: readonly ProfileId[],
  direction: PolicyDirection,
  { marks }: ChainStyle,
): Rule[] =>
  profiles.flatMap((id) => [
    rule([], jump(profileChainName(id, direction))),
    rule([marked(marks.accept)], RETURN, 'Allowed by profile'),
  ])
