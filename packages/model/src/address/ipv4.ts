import { branded, type Brand } from '../brand.ts'

/** Dotted quad without leading zeros. */
export type Ipv4 = Brand<string, 'Ipv4'>

const ZERO = 48
const NINE = 57
const DOT = 46

/** The 32 bits of a dotted quad, or undefined. Accepts exactly what {@link printIpv4} prints. */
export function ipv4Bits(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined
  let bits = 0
  let octet = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= ZERO && code <= NINE) {
      if (octet === 0) return undefined // leading zero
      octet = octet < 0 ? code - ZERO : octet * 10 + code - ZERO
      if (octet > 255) return undefined
    } else if (code === DOT && octet >= 0) {
      bits = bits * 256 + octet
      octet = -1
      dots++
    } else return undefined
  }
  return dots === 3 && octet >= 0 ? bits * 256 + octet : undefined
}

/** @param bits Unsigned 32-bit number. */
export const printIpv4 = (bits: number): Ipv4 =>
  branded(`${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`)
