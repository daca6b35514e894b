import { resourceKey } from '../keys/resource-key.ts'
import type { ResourceShape } from './resource.ts'

export interface StoredPolicy {
  /** The etcd key that the policy was read from. */
  readonly key: string
  readonly resource: ResourceShape
}

/**
 * Which of the stored policies count. Calico up to 3.31 keeps the policy `foo` under `default.foo`, later ones under
 * `foo`; while writers of both share a datastore, both keys may exist. Then the one with the tier counts.
 *
 * @returns `shadowed` are those that do not count, each with the key that counts instead.
 */
export function resolvePolicyNames<E extends StoredPolicy>(
  entries: readonly E[],
): { readonly policies: readonly E[]; readonly shadowed: readonly { readonly entry: E; readonly by: string }[] } {
  const keys = new Set(entries.map(({ key }) => key))
  const policies: E[] = []
  const shadowed: { entry: E; by: string }[] = []
  for (const entry of entries) {
    const { kind, metadata } = entry.resource
    const preferred = resourceKey(kind, metadata.name, metadata.namespace)
    if (preferred === entry.key || !keys.has(preferred)) policies.push(entry)
    else shadowed.push({ entry, by: preferred })
  }
  return { policies, shadowed }
}
