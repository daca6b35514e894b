/**
 * Policies and profiles: one chain a direction, its rules in the order of the policy.
 *
 * A verdict leaves a chain as a mark bit (`accept`, `pass`), because the caller has to ask the other end of a local flow as
 * well; only Deny acts on the spot. The mark is set first and acted upon in the next rule, so that a long match is written once.
 *
 * A rule whose lists need more than one packet-filter rule walks through its lists with the two scratch bits taking turns:
 * alternatives of list n set bit n mod 2, and only on packets that carry the bit of list n-1. Before a bit is used again it
 * is cleared, so a packet can never reach the last list on the strength of an earlier one.
 */
import { assertNever } from '@calico-node/core'
import type { Chain, IpVersion, Match, Rule } from '@calico-node/linux'
import type { CalcRule, RuleLists } from '../calc/messages.ts'
import { matchPlan, type MatchPlan } from './match-plan.ts'
import { policyChainName, type PolicyDirection, profileChainName } from './names.ts'
import { logPrefix, type RuleOwner } from './log-prefix.ts'
import { union } from './marks.ts'
import type { RuleSettings } from './settings.ts'
import { clearMark, marked, RETURN, rule, setMark } from './vocabulary.ts'

export interface PolicyContext {
  readonly version: IpVersion
  readonly settings: RuleSettings
}

const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly PolicyDirection[]
const chainName = ({ kind, id }: RuleOwner, direction: PolicyDirection): string =>
  kind === 'policy' ? policyChainName(id, direction) : profileChainName(id, direction)

export const ownedChainNames = (owner: RuleOwner): string[] =>
  DIRECTIONS.map((direction) => chainName(owner, direction))

/** The inbound and the outbound chain of a policy or profile. */
export function ownedChains(owner: RuleOwner, lists: RuleLists, context: PolicyContext): Chain[] {
  return DIRECTIONS.map((direction) => {
    const rules = lists[direction].flatMap((given) => policyRule(given, owner, context))
    const [first, ...rest] = rules.slice(0, rules.findLastIndex(({ action }) => action.kind !== 'return') + 1)
    const title = `${owner.kind === 'policy' ? 'Policy' : 'Profile'} ${owner.id} ${direction}`
    const titled = first && { ...first, comments: [title, ...(first.comments ?? [])] }
    return { name: chainName(owner, direction), rules: titled ? [titled, ...rest] : [] }
  })
}

/** The packet-filter rules of one policy rule; none when it cannot match in this IP version. */
export function policyRule(given: CalcRule, owner: RuleOwner, { version, settings }: PolicyContext): Rule[] {
  const plan = matchPlan(given, version)
  if (plan === undefined) return []
  const { rules, match } = layOut(plan, settings.marks.scratch)
  return [...rules, ...verdict(given, match, owner, settings)].map((each) =>
    given.comments.length === 0 ? each : { ...each, comments: [...given.comments] },
  )
}

/** Rules that decide what one rule cannot, and the match of the packets that got through them all. */
function layOut(plan: MatchPlan, scratch: readonly [number, number]): { rules: Rule[]; match: readonly Match[] } {
  const { all, anyOf, noneOf } = plan
  if (anyOf.length + noneOf.length === 0) return { rules: [], match: all }
  const [first, second] = scratch
  const bit = (index: number): number => (index % 2 === 0 ? first : second)

  const nothingChosen = rule([], clearMark(first, second))
  const everythingChosen = rule([], { kind: 'set-mark', value: first, mask: union(first, second) })
  const rules = [anyOf.length === 0 ? everythingChosen : nothingChosen]
  for (const [index, alternatives] of anyOf.entries()) {
    if (index >= 2) rules.push(rule([], clearMark(bit(index))))
    const chosenBefore = index === 0 ? [] : [marked(bit(index - 1))]
    rules.push(...alternatives.map((match) => rule([...chosenBefore, ...match], setMark(bit(index)))))
  }
  const chosen = bit(Math.max(0, anyOf.length - 1))
  rules.push(...noneOf.map((match) => rule([match], clearMark(chosen))))
  return { rules, match: [marked(chosen), ...all] }
}

function verdict(given: CalcRule, match: readonly Match[], owner: RuleOwner, settings: RuleSettings): Rule[] {
  const { marks, log, deny } = settings
  const leaveWith = (bit: number): Rule[] => [rule(match, setMark(bit)), rule([marked(bit)], RETURN)]
  switch (given.action) {
    case 'allow':
      return leaveWith(marks.accept)
    case 'pass':
      // A profile passes to the next by saying nothing; the bit may still be there from the last tier.
      return owner.kind === 'profile' ? [rule(match, RETURN)] : leaveWith(marks.pass)
    case 'deny':
      return [rule(match, deny)]
    case 'log': {
      const limit: Match[] = log.limit === undefined ? [] : [{ kind: 'limit', ...log.limit }]
      return [rule([...match, ...limit], { kind: 'log', prefix: logPrefix(log.prefix, owner) })]
    }
    default:
      return assertNever(given.action)
  }
}
