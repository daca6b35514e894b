import { CalicoError } from '@calico-node/core'
import { bitsOf, type Cidr, cidrOf, type Ip, ipFromBigInt, ipToBigInt, ipVersion } from '@calico-node/model'

/** The fewest networks that together hold exactly the addresses from `first` to `last`. @throws INVALID */
export function cidrsOfRange(first: Ip, last: Ip): Cidr[] {
  const version = ipVersion(first)
  let from = ipToBigInt(first)
  const to = ipToBigInt(last)
  if (ipVersion(last) !== version || to < from) {
    throw new CalicoError('INVALID', `Cannot make a range from ${first} to ${last}: the end comes before the start`)
  }
  const bits = bitsOf(version)
  const cidrs: Cidr[] = []
  while (from <= to) {
    let prefixLength = bits
    while (prefixLength > 0) {
      const size = 1n << BigInt(bits - prefixLength + 1)
      if (from % size !== 0n || from + size - 1n > to) break
      prefixLength--
    }
    cidrs.push(cidrOf(ipFromBigInt(from, version), prefixLength))
    from += 1n << BigInt(bits - prefixLength)
  }
  return cidrs
}
