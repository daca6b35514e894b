import { findNet, ipVersion, type Cidr } from '../address/cidr.ts'
import type { IpVersion } from '../address/ip.ts'

const IPAM = '/calico/ipam/v2'

/** Allocation blocks of both versions. */
export const BLOCK_PREFIX = `${IPAM}/assignment/`
export const HANDLE_PREFIX = `${IPAM}/handle/`
export const AFFINITY_PREFIX = `${IPAM}/host/`
export const VIRTUAL_AFFINITY_PREFIX = `${IPAM}/virtual/`
export const IPAM_CONFIG_KEY = `${IPAM}/config`

/** A node, or something that only owns addresses, such as `load-balancer`. */
export type AffinityOwner = { readonly kind: 'host' | 'virtual'; readonly name: string }

const segment = (cidr: Cidr): string => cidr.replace('/', '-')
const fromSegment = (text: string): Cidr | undefined => findNet(text.replace(/-(?=\d+$)/, '/'))

export const blockPrefix = (version: IpVersion): string => `${BLOCK_PREFIX}ipv${version}/block/`
export const blockKey = (cidr: Cidr): string => `${blockPrefix(ipVersion(cidr))}${segment(cidr)}`

/** Undefined for keys that are not of a block. */
export function findBlockKey(key: string): Cidr | undefined {
  const match = /^\/calico\/ipam\/v2\/assignment\/ipv[46]\/block\/([^/]+)$/.exec(key)
  return match?.[1] === undefined ? undefined : fromSegment(match[1])
}

/** The affinities of one node. */
export const affinityPrefix = (node: string, version: IpVersion): string =>
  `${AFFINITY_PREFIX}${node}/ipv${version}/block/`
/** That a node owns a block. */
export const affinityKey = (node: string, cidr: Cidr): string =>
  `${affinityPrefix(node, ipVersion(cidr))}${segment(cidr)}`
/** That something other than a node owns a block. */
export const virtualAffinityKey = (owner: string, cidr: Cidr): string =>
  `${VIRTUAL_AFFINITY_PREFIX}${owner}/ipv${ipVersion(cidr)}/block/${segment(cidr)}`

/** Undefined for keys that are not of an affinity. */
export function findAffinityKey(key: string): { owner: AffinityOwner; cidr: Cidr } | undefined {
  const [, kind, name, part] = /^\/calico\/ipam\/v2\/(host|virtual)\/([^/]+)\/ipv[46]\/block\/([^/]+)$/.exec(key) ?? []
  const cidr = fromSegment(part ?? '')
  if (cidr === undefined || name === undefined) return undefined
  return { owner: { kind: kind === 'virtual' ? 'virtual' : 'host', name }, cidr }
}

/** @throws RangeError for an identifier with `/`, which would be another key. */
export function handleKey(id: string): string {
  if (id === '' || id.includes('/'))
    throw new RangeError(`Cannot make the key of handle "${id}": it must not be empty or contain "/"`)
  return `${HANDLE_PREFIX}${id}`
}

/** The identifier of a handle; undefined for other keys. */
export const findHandleKey = (key: string): string | undefined => /^\/calico\/ipam\/v2\/handle\/([^/]+)$/.exec(key)?.[1]
