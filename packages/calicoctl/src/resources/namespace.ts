import { CalicoError } from '@calico-node/core'
import { kindInfo, type Kind } from '@calico-node/model'

export interface NamespaceFlags {
  readonly namespace: string | undefined
  readonly allNamespaces: boolean
}

export const DEFAULT_NAMESPACE = 'default'

const refuse = (message: string): CalicoError => new CalicoError('INVALID', message)

/** @returns Whether there is anything to decide. @throws INVALID when flags, document and kind contradict each other */
function isNamespaced(kind: Kind, written: string | undefined, { namespace, allNamespaces }: NamespaceFlags): boolean {
  if (!kindInfo(kind).namespaced) {
    if (written !== undefined || namespace !== undefined || allNamespaces) throw refuse(`${kind} is not namespaced`)
    return false
  }
  if (namespace !== undefined && allNamespaces) {
    throw refuse('cannot use both --namespace and --all-namespaces flags at the same time')
  }
  return true
}

/**
 * The namespace of one resource: none for a kind without, else the document's or the flag's, else `default`.
 *
 * @param written What the document says.
 * @throws INVALID
 */
export function namespaceOfOne(kind: Kind, written: string | undefined, flags: NamespaceFlags): string | undefined {
  if (!isNamespaced(kind, written, flags)) return undefined
  const { namespace, allNamespaces } = flags
  if (allNamespaces)
    throw refuse('a single resource lives in one namespace: use --namespace in place of --all-namespaces')
  if (written !== undefined && namespace !== undefined && written !== namespace) {
    throw refuse(`resource namespace does not match client namespace. ${written} != ${namespace}`)
  }
  return written ?? namespace ?? DEFAULT_NAMESPACE
}

/** The namespace to list: undefined for all of them, and for a kind without. @throws INVALID */
export function namespaceOfMany(kind: Kind, flags: NamespaceFlags): string | undefined {
  if (!isNamespaced(kind, undefined, flags) || flags.allNamespaces) return undefined
  return flags.namespace ?? DEFAULT_NAMESPACE
}
