import { cidrBase, cidrSize, ipToBigInt, ipVersion, type Cidr, type Ip, type IpVersion } from '@calico-node/model'

/** Addresses `first` to `last`, both included, as numbers of one IP version. */
export interface AddressRange {
  readonly first: bigint
  readonly last: bigint
}

export function rangeOf(cidr: Cidr): AddressRange {
  const first = ipToBigInt(cidrBase(cidr))
  return { first, last: first + cidrSize(cidr) - 1n }
}

/** The addresses of one IP version that `cidrs` cover: ordered ranges that neither overlap nor touch. */
export function mergeRanges(cidrs: Iterable<Cidr>, version: IpVersion): readonly AddressRange[] {
  const ranges = [...cidrs].filter((cidr) => ipVersion(cidr) === version).map(rangeOf)
  ranges.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const merged: AddressRange[] = []
  for (const range of ranges) {
    const tail = merged.at(-1)
    if (tail === undefined || range.first > tail.last + 1n) merged.push(range)
    else if (range.last > tail.last) merged[merged.length - 1] = { first: tail.first, last: range.last }
  }
  return merged
}

/** The range that holds `address`, by binary search over {@link mergeRanges}' result. */
export function findRange(ranges: readonly AddressRange[], address: bigint): AddressRange | undefined {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const range = ranges[middle]
    if (range === undefined || range.last < address) low = middle + 1
    else high = middle
  }
  const range = ranges[low]
  return range !== undefined && range.first <= address ? range : undefined
}

export const inRanges = (ranges: readonly AddressRange[], ip: Ip): boolean =>
  findRange(ranges, ipToBigInt(ip)) !== undefined

export const coversWhole = (ranges: readonly AddressRange[], cidr: Cidr): boolean => {
  const { first, last } = rangeOf(cidr)
  const range = findRange(ranges, first)
  return range !== undefined && range.last >= last
}

/** How many addresses of `cidr` the ranges hold. */
export function countCovered(ranges: readonly AddressRange[], cidr: Cidr): bigint {
  const { first, last } = rangeOf(cidr)
  let total = 0n
  for (const range of ranges) {
    const from = range.first > first ? range.first : first
    const to = range.last < last ? range.last : last
    if (from <= to) total += to - from + 1n
  }
  return total
}
