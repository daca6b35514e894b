import type { Kind } from '../kinds/table.ts'
import type { Resource } from './resource.ts'

/** Another resource that must exist before this one is written. */
export interface Reference {
  /** The field that names it. */
  readonly field: string
  readonly kind: Kind
  readonly name: string
}

/** What must exist when the resource is written: the tier of a policy, the filters of a BGP peer. */
export function referencesOf(resource: Resource): readonly Reference[] {
  switch (resource.kind) {
    case 'GlobalNetworkPolicy':
    case 'NetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
    case 'StagedNetworkPolicy':
      return [{ field: 'spec.tier', kind: 'Tier', name: resource.spec.tier }]
    case 'BGPPeer':
      return (resource.spec.filters ?? []).map((name, at) => ({
        field: `spec.filters[${at}]`,
        kind: 'BGPFilter',
        name,
      }))
    default:
      return []
  }
}
