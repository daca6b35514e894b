/**
 * BGPFilters as BIRD functions. A function decides (accepts or rejects) or returns, and then the peer's own rules go on.
 *
 * A filter that cannot be read must not open a door that it was written to keep shut: sessions that name one exchange
 * nothing in either direction until it is mended. A filter that does not exist is passed over, as upstream does.
 */
import { bitsOf, cidrPrefixLength, type BGPFilterResource, type Cidr } from '@calico-node/model'
import {
  birdString,
  birdSymbol,
  findBirdCommunity,
  type BirdCommunity,
  type BirdString,
  type BirdSymbol,
} from './bird-text.ts'
import { byName, type Facts, type Family, type Report } from './facts.ts'

export type Direction = 'import' | 'export'

export type FilterView = {
  readonly symbol: BirdSymbol
  readonly rules: readonly RuleView[]
}

export type RuleView = {
  readonly conditions: readonly ConditionView[]
  readonly operations: readonly OperationView[]
  readonly accept: boolean
}

/** Exactly one of the keys is there. */
export type ConditionView = {
  readonly equal?: Cidr
  readonly notEqual?: Cidr
  readonly inside?: PrefixSet
  readonly outside?: PrefixSet
  readonly never?: boolean
  readonly fromPeer?: boolean
  readonly interface?: BirdString
  readonly internal?: boolean
  readonly external?: boolean
  readonly community?: BirdCommunity
  readonly largeCommunity?: BirdCommunity
  readonly pathPrefix?: readonly number[]
  readonly preference?: { readonly value: number }
}

export type PrefixSet = { readonly cidr: Cidr; readonly min: number; readonly max: number }

/** Exactly one of the keys is there. */
export type OperationView = {
  readonly addCommunity?: BirdCommunity
  readonly addLargeCommunity?: BirdCommunity
  readonly prepend?: { readonly asNumber: number }
  readonly preference?: { readonly value: number }
}

type Rule = NonNullable<BGPFilterResource['spec']['exportV4']>[number]

/** A priority and the local preference that carries it: the smaller the one, the larger the other. */
export const MAX_PREFERENCE = 2_147_483_647

/** The functions of one family that are not empty, in order of their names. */
export function filterViews(facts: Facts, family: Family, sha256: (text: string) => string): readonly FilterView[] {
  return byName(facts.filters).flatMap(([name, filter]) =>
    (['import', 'export'] as const).flatMap((direction) => {
      const rules = rulesOf(filter, direction, family)
      if (rules.length === 0) return []
      return [
        { symbol: functionSymbol(name, direction, family, sha256), rules: rules.map((rule) => ruleView(rule, family)) },
      ]
    }),
  )
}

/** What a session does about the filters it names. */
export type FilterCalls = {
  readonly functions: readonly BirdSymbol[]
  /** A filter cannot be read: nothing passes after the functions before it. */
  readonly refuse: boolean
}

/** The calls for the filters that `names` names, in that order. */
export function filterCalls(
  names: readonly string[],
  direction: Direction,
  family: Family,
  { facts, sha256, report, peer }: { facts: Facts; sha256: (text: string) => string; report: Report; peer: string },
): FilterCalls {
  const functions: BirdSymbol[] = []
  for (const name of names) {
    if (facts.brokenFilters.has(name)) {
      report('BGPPeer', peer, `names BGPFilter "${name}", which cannot be read; the peer exchanges no routes`)
      return { functions, refuse: true }
    }
    const filter = facts.filters.get(name)
    if (filter === undefined)
      report('BGPPeer', peer, `names BGPFilter "${name}", which does not exist; it is passed over`)
    else if (rulesOf(filter, direction, family).length > 0)
      functions.push(functionSymbol(name, direction, family, sha256))
  }
  return { functions, refuse: false }
}

const rulesOf = ({ spec }: BGPFilterResource, direction: Direction, family: Family): readonly Rule[] =>
  spec[`${direction}V${family}`] ?? []

/** Long names are cut and told apart by a hash, because BIRD's symbols have at most 64 characters. */
function functionSymbol(
  name: string,
  direction: Direction,
  family: Family,
  sha256: (text: string) => string,
): BirdSymbol {
  const short = name.length > 45 ? `${name.slice(0, 28)}_${sha256(name).slice(0, 16).toUpperCase()}` : name
  return birdSymbol(`bgp_${short}_${direction}FilterV${family}`)
}

function ruleView(rule: Rule, family: Family): RuleView {
  const accept = rule.action === 'Accept'
  return {
    conditions: [...conditions(rule, family)],
    operations: accept ? (rule.operations ?? []).flatMap((operation) => [...operations(operation)]) : [],
    accept,
  }
}

function* conditions(rule: Rule, family: Family): Iterable<ConditionView> {
  if (rule.cidr !== undefined) yield* prefixConditions(rule.cidr, rule, family)
  if (rule.source === 'RemotePeers') yield { fromPeer: true }
  if (rule.interface !== undefined) yield { interface: birdString(rule.interface) }
  if (rule.peerType !== undefined) yield rule.peerType === 'iBGP' ? { internal: true } : { external: true }
  for (const { value, large } of (rule.communities?.values ?? []).map(communityOf)) {
    yield large ? { largeCommunity: value } : { community: value }
  }
  if (rule.asPathPrefix !== undefined && rule.asPathPrefix.length > 0) yield { pathPrefix: rule.asPathPrefix }
  if (rule.priority !== undefined) yield { preference: { value: MAX_PREFERENCE - rule.priority } }
}

/** A range of lengths makes a set of prefixes inside the network, never shorter than the network itself. */
function* prefixConditions(cidr: Cidr, { matchOperator, prefixLength }: Rule, family: Family): Iterable<ConditionView> {
  const wanted = matchOperator === 'Equal' || matchOperator === 'In'
  const exact = matchOperator === 'Equal' || matchOperator === 'NotEqual'
  if (exact && prefixLength === undefined) {
    yield wanted ? { equal: cidr } : { notEqual: cidr }
    return
  }
  const min = Math.max(prefixLength?.min ?? 0, cidrPrefixLength(cidr))
  const max = Math.min(prefixLength?.max ?? bitsOf(family), bitsOf(family))
  if (min <= max) yield wanted ? { inside: { cidr, min, max } } : { outside: { cidr, min, max } }
  else if (wanted) yield { never: true }
}

function* operations(operation: NonNullable<Rule['operations']>[number]): Iterable<OperationView> {
  if (operation.addCommunity !== undefined) {
    const { value, large } = communityOf(operation.addCommunity.value)
    yield large ? { addLargeCommunity: value } : { addCommunity: value }
  }
  // the list reads left to right in the path, and each prepend goes to its front
  for (const asNumber of (operation.prependASPath?.prefix ?? []).toReversed()) yield { prepend: { asNumber } }
  if (operation.setPriority !== undefined) yield { preference: { value: MAX_PREFERENCE - operation.setPriority.value } }
}

/** Standard and large communities live in different attributes. */
function communityOf(text: string): { readonly value: BirdCommunity; readonly large: boolean } {
  const value = findBirdCommunity(text)
  if (value === undefined) throw new Error(`Cannot use community "${text}": the model let it through`)
  return { value, large: text.split(':').length === 3 }
}
