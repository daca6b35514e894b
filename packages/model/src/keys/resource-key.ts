import { findKindByPlural, kindInfo } from '../kinds/info.ts'
import type { Kind } from '../kinds/table.ts'
import { isPolicyKind, policyStorageName } from '../resource/policy-name.ts'

export const RESOURCES_PREFIX = '/calico/resources/v3/projectcalico.org/'

export interface ResourceKey {
  readonly kind: Kind
  /** As in the key: of a policy this is the storage name. */
  readonly name: string
  readonly namespace?: string
}

/** What the keys of all resources of a kind (of one namespace) begin with. Ends with `/`. */
export function resourcePrefix(kind: Kind, namespace?: string): string {
  const { plural, namespaced } = kindInfo(kind)
  return `${RESOURCES_PREFIX}${plural}/${namespaced && namespace !== undefined ? `${namespace}/` : ''}`
}

/**
 * The key that a resource is written to.
 * @param name The user's name; names of policies get their tier.
 * @throws RangeError when a namespaced kind comes without a namespace.
 */
export function resourceKey(kind: Kind, name: string, namespace?: string): string {
  return keyOf(kind, isPolicyKind(kind) ? policyStorageName(name) : name, namespace)
}

/**
 * The keys that a resource may be found under, the preferred one first. Policies have a second one, without the tier, as
 * Calico 3.32 and later write it.
 */
export function resourceKeys(kind: Kind, name: string, namespace?: string): readonly string[] {
  return [...new Set([resourceKey(kind, name, namespace), keyOf(kind, name, namespace)])]
}

function keyOf(kind: Kind, name: string, namespace: string | undefined): string {
  if (kindInfo(kind).namespaced && (namespace === undefined || namespace === '')) {
    throw new RangeError(`Cannot make the key of ${kind} "${name}": no namespace`)
  }
  return `${resourcePrefix(kind, namespace)}${name}`
}

/** Undefined for keys of other things and of unknown kinds. */
export function findResourceKey(key: string): ResourceKey | undefined {
  if (!key.startsWith(RESOURCES_PREFIX)) return undefined
  const [plural = '', ...rest] = key.slice(RESOURCES_PREFIX.length).split('/')
  const kind = findKindByPlural(plural)
  if (kind === undefined || rest.some((part) => part === '')) return undefined
  const [first, second] = rest
  if (kindInfo(kind).namespaced) {
    return rest.length === 2 && first !== undefined && second !== undefined
      ? { kind, name: second, namespace: first }
      : undefined
  }
  return rest.length === 1 && first !== undefined ? { kind, name: first } : undefined
}
