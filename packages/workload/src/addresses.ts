import { CalicoError } from '@calico-node/core'
import { printTimestamp, unixNanoseconds, type Ipam } from '@calico-node/ipam'
import { findCidr, findIp, ipVersion, type Cidr, type Ip, type IpVersion, type NodeName } from '@calico-node/model'
import type { UndoStack } from './undo.ts'

/** An address wanted: any of a family, any of a pool (its exact CIDR), or just this one. */
export type AddressWish = 'ipv4' | 'ipv6' | Ip | Cidr

/** What people type: `ipv4`, `ipv6`, an address or the CIDR of a pool. @throws INVALID */
export function parseAddressWish(text: string): AddressWish {
  if (text === 'ipv4' || text === 'ipv6') return text
  const wish = text.includes('/') ? findCidr(text) : findIp(text)
  if (wish !== undefined) return wish
  throw new CalicoError('INVALID', `Cannot assign "${text}": want ipv4, ipv6, an IP address or the CIDR of a pool`)
}

export interface AddressRequest {
  readonly wish: AddressWish
  readonly node: NodeName
  readonly handle: string
  /** Stored beside `node` and `timestamp`. */
  readonly attributes?: Readonly<Record<string, string>>
  /** Labels of the namespace, for pools that select namespaces. */
  readonly namespaceLabels?: Readonly<Record<string, string>>
}

/**
 * Takes an address from IPAM, to be released when the rest fails.
 *
 * @throws INVALID for an address outside every enabled pool, or a CIDR that is no pool; ALREADY_EXISTS; EXHAUSTED
 */
export async function assignAddress(ipam: Ipam, request: AddressRequest, undo: UndoStack): Promise<Ip> {
  const ip = await assign(ipam, request)
  undo.push(`release ${ip}`, () => ipam.releaseIps([{ ip, handle: request.handle }]))
  return ip
}

async function assign(ipam: Ipam, request: AddressRequest): Promise<Ip> {
  const { wish, node, handle, namespaceLabels } = request
  const attributes = { ...request.attributes, timestamp: printTimestamp(unixNanoseconds()) }
  const automatic = async (version: IpVersion, pools?: readonly Cidr[]): Promise<Ip> => {
    const { ips, shortfall } = await ipam.autoAssign({
      node,
      version,
      use: 'Workload',
      handle,
      attributes,
      ...(pools !== undefined && { pools }),
      ...(namespaceLabels !== undefined && { namespaceLabels }),
    })
    const [first] = ips
    if (first === undefined) throw shortfall ?? new CalicoError('EXHAUSTED', `Cannot assign an IPv${version} address`)
    return first.ip
  }
  if (wish === 'ipv4') return automatic(4)
  if (wish === 'ipv6') return automatic(6)
  const pool = wish.includes('/') ? findCidr(wish) : undefined
  if (pool !== undefined) return automatic(ipVersion(pool), [pool])
  const ip = findIp(wish)
  if (ip === undefined) throw new CalicoError('INVALID', `Cannot assign "${wish}": it is neither an address nor a pool`)
  await ipam.assignIp({ node, ip, handle, attributes })
  return ip
}
