import { branded, type Brand } from '../brand.ts'
import { ipv4Bits } from './ipv4.ts'

/** Lower case, the longest run of two or more zero groups compressed (the leftmost of equals), no leading zeros. */
export type Ipv6 = Brand<string, 'Ipv6'>

const GROUP = /^[0-9a-fA-F]{1,4}$/

/**
 * The 128 bits of an IPv6 address, or undefined. Takes upper case, leading zeros and a dotted tail; refuses zones, and
 * IPv4-mapped addresses, which other components take for IPv4.
 */
export function ipv6Bits(text: string): bigint | undefined {
  if (text.length < 2 || text.length > 45) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail]
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) return undefined
  const word = (at: number): bigint => BigInt((groups[at] ?? 0) * 65_536 + (groups[at + 1] ?? 0))
  return (((word(0) << 32n) | word(2)) << 64n) | (word(4) << 32n) | word(6)
}

/** Numbers of the colon-separated groups; a dotted quad may end the address and counts as two. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [at, part] of parts.entries()) {
    const quad = last && at === parts.length - 1 && part.includes('.') ? ipv4Bits(part) : undefined
    if (quad !== undefined) groups.push(quad >>> 16, quad & 0xffff)
    else if (GROUP.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

/** @param bits Unsigned 128-bit number. */
export function printIpv6(bits: bigint): Ipv6 {
  const groups: number[] = []
  for (let shift = 96n; shift >= 0n; shift -= 32n) {
    const word = Number((bits >> shift) & 0xffff_ffffn)
    groups.push(word >>> 16, word & 0xffff)
  }
  const { start, length } = longestZeroRun(groups)
  const hex = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return branded(hex(groups))
  return branded(`${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`)
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [at, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: at - length + 1, length }
  }
  return best
}
