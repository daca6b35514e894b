import { CalicoError } from '@calico-node/core'
import { kindInfo, type Kind } from '@calico-node/model'

export interface NamespaceFlags {
  readonly namespace: string | undefined
  readonly allNamespaces: boolean
}

export const DEFAULT_NAMESPACE = 'default'

const refuse = (message: string): CalicoError => new CalicoError('INVALID', message)

/**
 * The namespace that a command means: none for a kind without, else the document's or the flag's, else `default`.
 *
 * @param written What the document says.
 * @param single One object is named, so that all namespaces make no sense.
 * @returns `all` for every namespace
 * @throws INVALID when flags, document and kind contradict each other
 */
export function resolveNamespace(
  kind: Kind, written: string | undefined, { namespace, allNamespaces }: NamespaceFlags, { single }: { single: boolean },
): string | 'all' | undefined {
  if (!kindInfo(kind).namespaced) {
    if (written !== undefined || namespace !== undefined || allNamespaces) throw refuse(`${kind} is not namespaced`)
    return undefined
  }
  if (namespace !== undefined && allNamespaces) {
    throw refuse('cannot use both --namespace and --all-namespaces flags at the same time')
  }
  if (allNamespaces) {
    if (single) throw refuse('a single resource lives in one namespace: use --namespace in place of --all-namespaces')
    return 'all'
  }
  if (written !== undefined && namespace !== undefined && written !== namespace) {
    throw refuse(`resource namespace does not match client namespace. ${written} != ${namespace}`)
  }
  return written ?? namespace ?? DEFAULT_NAMESPACE
}
