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

export const ownerKey = ({ kind, name }: Owner, block: Cidr): string =>
  kind === 'host' ? affinityKey(name, block) : virtualAffinityKey(name, block)

export const ownerPrefix = ({ kind, name }: Owner, version: IpVersion): string =>
  kind === 'host' ? affinityPrefix(name, version) : `${VIRTUAL_AFFINITY_PREFIX}${name}/ipv${version}/block/`
