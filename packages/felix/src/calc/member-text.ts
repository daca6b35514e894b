import { type Cidr, cidrBase, cidrPrefixLength, ipVersion } from '@calico-node/model'

/** A network as kernel sets hold it: an address bare, and a /0, which they cannot hold, as its two halves. */
export function setMembers(cidr: Cidr): string[] {
  const length = cidrPrefixLength(cidr)
  if (length === 0) return ipVersion(cidr) === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1']
  return [length === (ipVersion(cidr) === 4 ? 32 : 128) ? cidrBase(cidr) : cidr]
}
