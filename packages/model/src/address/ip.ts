import { CalicoError } from '@calico-node/core'
import { invalidText } from '../invalid.ts'
import { ipv4Bits, printIpv4, type Ipv4 } from './ipv4.ts'
import { ipv6Bits, printIpv6, type Ipv6 } from './ipv6.ts'

export type Ip = Ipv4 | Ipv6
export type IpVersion = 4 | 6

/** Undefined unless `text` is a dotted quad without leading zeros. */
export function findIpv4(text: string): Ipv4 | undefined {
  const bits = ipv4Bits(text)
  return bits === undefined ? undefined : printIpv4(bits)
}

/** Undefined unless `text` is an IPv6 address (no zone, not IPv4-mapped); the result is canonical. */
export function findIpv6(text: string): Ipv6 | undefined {
  const bits = ipv6Bits(text)
  return bits === undefined ? undefined : printIpv6(bits)
}

export const findIp = (text: string): Ip | undefined => (text.includes(':') ? findIpv6(text) : findIpv4(text))

/** @throws INVALID */
export function parseIpv4(text: string): Ipv4 {
  const ip = findIpv4(text)
  if (ip === undefined) throw invalidText('IPv4 address', text, 'a.b.c.d')
  return ip
}

/** @throws INVALID */
export function parseIpv6(text: string): Ipv6 {
  const ip = findIpv6(text)
  if (ip === undefined) throw invalidText('IPv6 address', text, 'groups of hexadecimal digits such as fd00::1')
  return ip
}

/** @throws INVALID */
export function parseIp(text: string): Ip {
  const ip = findIp(text)
  if (ip === undefined) throw invalidText('IP address', text, 'an IPv4 or IPv6 address')
  return ip
}

export const isIpv4 = (ip: Ip): ip is Ipv4 => !ip.includes(':')

/** 32 or 128. */
export const bitsOf = (version: IpVersion): 32 | 128 => (version === 4 ? 32 : 128)

/** The address as an unsigned number of 32 or 128 bits. */
export function ipToBigInt(ip: Ip): bigint {
  return ip.includes(':') ? (ipv6Bits(ip) ?? 0n) : BigInt(ipv4Bits(ip) ?? 0)
}

/** @throws INVALID when `value` does not fit the version. */
export function ipFromBigInt(value: bigint, version: IpVersion): Ip {
  if (value < 0n || value >> BigInt(bitsOf(version)) !== 0n) {
    throw new CalicoError('INVALID', `Cannot make an IPv${version} address of ${value}: out of range`)
  }
  return version === 4 ? printIpv4(Number(value)) : printIpv6(value)
}

/** The address `by` after this one. @throws INVALID beyond the end of the address space */
export const nextIp = (ip: Ip, by = 1n): Ip => ipFromBigInt(ipToBigInt(ip) + by, isIpv4(ip) ? 4 : 6)

/** Order of addresses: IPv4 before IPv6, then by number. */
export function compareIps(a: Ip, b: Ip): number {
  if (isIpv4(a) !== isIpv4(b)) return isIpv4(a) ? -1 : 1
  const [left, right] = [ipToBigInt(a), ipToBigInt(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
