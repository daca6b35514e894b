/**
 * Names of policies. People say `foo`; the store says `default.foo` and keeps what was said in an annotation. Names
 * without the tier are written by Calico 3.32 and later; they are read as well.
 */
import type { Problem } from '../schema/problem.ts'
import { findResourceName } from '../text/names.ts'

/** Annotation that holds `{"name":"<the name that the user gave>"}`. */
export const NAME_ANNOTATION = 'projectcalico.org/metadata'
/** Label that names the tier of a policy outside the tier `default`. */
export const TIER_LABEL = 'projectcalico.org/tier'
export const DEFAULT_TIER = 'default'

/** The one switch between the generations: `false` writes names as Calico 3.32 and later do. Readers take both. */
const TIER_IN_NAME: boolean = true

const POLICY_KINDS: ReadonlySet<string> = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
])

/** Whether names of this kind carry the tier. */
export const isPolicyKind = (kind: string): boolean => POLICY_KINDS.has(kind)

/** Policies that other components derive from Kubernetes; their names are stored as they are. */
const DERIVED = ['knp.default.', 'kanp.adminnetworkpolicy.', 'kbanp.baselineadminnetworkpolicy.', 'ossg.']

const isDerived = (name: string): boolean => DERIVED.some((prefix) => name.startsWith(prefix))

/** The name in the key and in the stored value; with the tier it is the form of Calico 3.29 to 3.31. */
export const policyStorageName = (name: string): string =>
  !TIER_IN_NAME || isDerived(name) || name.includes('.') ? name : `${DEFAULT_TIER}.${name}`

/** The tier that a storage name is in, for values that do not say it. */
export function tierOfStorageName(storageName: string): string {
  const [first = DEFAULT_TIER, second = DEFAULT_TIER, ...rest] = storageName.split('.')
  if (isDerived(storageName)) return rest.length > 0 ? second : DEFAULT_TIER
  return storageName.includes('.') ? first : DEFAULT_TIER
}

/** The user's name of a policy that was stored without the annotation. */
export const policyUserName = (storageName: string, tier: string): string =>
  tier === DEFAULT_TIER && storageName.startsWith('default.') ? storageName.slice('default.'.length) : storageName

/** What a writer may not call a policy. */
export function* policyNameProblems(name: string, tier: string): Iterable<Problem> {
  const elsewhere = findResourceName(name) === undefined // a rule of all kinds says it
  if (!TIER_IN_NAME || elsewhere || isDerived(name)) return
  const [first = '', ...rest] = name.split('.')
  if (rest.length > 1) {
    const reason = 'must have one "." at most, after the tier'
    yield { field: 'metadata.name', value: name, reason }
  } else if (rest.length > 0 ? first !== tier : tier !== DEFAULT_TIER) {
    yield { field: 'metadata.name', value: name, reason: `must begin with "${tier}.", the tier of the policy` }
  }
}
