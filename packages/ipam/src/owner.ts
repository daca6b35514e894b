/** Whom a block belongs to, as it stands in the block and in the keys of the affinity records. */
import {
  affinityKey,
  affinityPrefix,
  VIRTUAL_AFFINITY_PREFIX,
  virtualAffinityKey,
  type AffinityOwner,
  type Cidr,
  type IpVersion,
  type NodeName,
} from '@calico-node/model'

export type Owner = AffinityOwner

export const hostOwner = (node: NodeName): Owner => ({ kind: 'host', name: node })
/** Owns the addresses of load balancers, which are on no particular node. */
export const LOAD_BALANCER: Owner = { kind: 'virtual', name: 'load-balancer' }

/** The owner as the `affinity` of a block says it. */
export const affinityText = ({ kind, name }: Owner): string => `${kind}:${name}`

/** Undefined for a block that is nobody's. */
export function findOwner(affinity: string | null): Owner | undefined {
  const [, kind, name] = /^(host|virtual):(.+)$/.exec(affinity ?? '') ?? []
  return name === undefined ? undefined : { kind: kind === 'virtual' ? 'virtual' : 'host', name }
}

/** A block and whose it is, or is to be. */
export interface OwnedBlock {
  readonly owner: Owner
  readonly cidr: Cidr
}

/** The key of the affinity record. */
export const ownedBlockKey = ({ owner: { kind, name }, cidr }: OwnedBlock): string =>
  kind === 'host' ? affinityKey(name, cidr) : virtualAffinityKey(name, cidr)

export const ownerPrefix = ({ kind, name }: Owner, version: IpVersion): string =>
  kind === 'host' ? affinityPrefix(name, version) : `${VIRTUAL_AFFINITY_PREFIX}${name}/ipv${version}/block/`
