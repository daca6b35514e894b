import { parseIpv4, type Ip, type Ipv4 } from '@calico-node/model'
import type { Surroundings } from './facts.ts'

/**
 * The router id that both daemons use: the choice of CALICO_ROUTER_ID, else the node's IPv4 address. A node that has only
 * IPv6 gets the hash of its name, because BIRD does not start without an id.
 */
export function routerIdOf({ routerId, node, sha256 }: Surroundings, ipv4: Ip | undefined): Ipv4 {
  if (routerId?.kind === 'literal') return parseIpv4(routerId.id)
  if (routerId?.kind === 'hash' || ipv4 === undefined) return hashedRouterId(sha256(node))
  return parseIpv4(ipv4)
}

/** The first four bytes of a hash as an address below 224.0.0.0, as upstream computes it. */
function hashedRouterId(hash: string): Ipv4 {
  const [first = 0, ...rest] = [0, 2, 4, 6].map((at) => Number.parseInt(hash.slice(at, at + 2), 16))
  return parseIpv4([first > 223 ? first - 32 : first, ...rest].join('.'))
}
