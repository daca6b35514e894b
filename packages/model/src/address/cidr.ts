import { CalicoError } from '@calico-node/core'
import { branded, type Brand } from '../brand.ts'
import { invalidText } from '../invalid.ts'
import { bitsOf, findIp, ipFromBigInt, ipToBigInt, isIpv4, type Ip, type IpVersion } from './ip.ts'
import { ipv4Bits, printIpv4 } from './ipv4.ts'

/** IPv4 network, host bits zero: `10.0.0.0/8`. */
export type Cidr4 = Brand<string, 'Cidr4'>
/** IPv6 network, host bits zero, canonical address: `fd00::/8`. */
export type Cidr6 = Brand<string, 'Cidr6'>
export type Cidr = Cidr4 | Cidr6
/** An address with or without a prefix length, as somebody wrote it; `parseCidr` and `parseIpInterface` take it. */
export type CidrText = Brand<string, 'CidrText'>

/** An address on an interface: like a network, but the host bits matter. */
export interface IpInterface {
  readonly ip: Ip
  readonly prefixLength: number
  /** The network it lies in. */
  readonly cidr: Cidr
  /** `ip/prefixLength`. */
  readonly text: string
}

const PREFIX_LENGTH = /^(0|[1-9]\d{0,2})$/

function split(text: string): { ip: Ip; prefixLength: number } | undefined {
  const slash = text.indexOf('/')
  const ip = findIp(slash < 0 ? text : text.slice(0, slash))
  if (ip === undefined) return undefined
  const bits = bitsOf(isIpv4(ip) ? 4 : 6)
  if (slash < 0) return { ip, prefixLength: bits }
  const length = text.slice(slash + 1)
  return PREFIX_LENGTH.test(length) && Number(length) <= bits ? { ip, prefixLength: Number(length) } : undefined
}

/** The network of that size around an address. @throws INVALID for a prefix length out of range */
export function cidrOf(ip: Ip, prefixLength: number): Cidr {
  const version = isIpv4(ip) ? 4 : 6
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > bitsOf(version)) {
    throw new CalicoError('INVALID', `Cannot make a network of ${ip}: prefix length ${prefixLength} is out of range`)
  }
  if (prefixLength === bitsOf(version)) return branded(`${ip}/${prefixLength}`)
  if (version === 4) {
    const mask = prefixLength === 0 ? 0 : -1 << (32 - prefixLength)
    return branded<Cidr4>(`${printIpv4(((ipv4Bits(ip) ?? 0) & mask) >>> 0)}/${prefixLength}`)
  }
  const hostBits = BigInt(128 - prefixLength)
  return branded<Cidr6>(`${ipFromBigInt((ipToBigInt(ip) >> hostBits) << hostBits, 6)}/${prefixLength}`)
}

/** The /32 or /128 of an address. */
export const hostCidr = (ip: Ip): Cidr => cidrOf(ip, isIpv4(ip) ? 32 : 128)

/** Undefined unless `text` is an address with or without a prefix length; host bits are cleared. */
export function findCidr(text: string): Cidr | undefined {
  const parts = split(text)
  return parts === undefined ? undefined : cidrOf(parts.ip, parts.prefixLength)
}

/** Clears host bits; an address alone is its /32 or /128. @throws INVALID */
export function parseCidr(text: string): Cidr {
  const cidr = findCidr(text)
  if (cidr === undefined) throw invalidText('network', text, 'address/prefix-length')
  return cidr
}

/** As {@link findCidr}, but undefined for a network with host bits set. */
export function findNet(text: string): Cidr | undefined {
  const parts = split(text)
  if (parts === undefined) return undefined
  const cidr = cidrOf(parts.ip, parts.prefixLength)
  return cidrBase(cidr) === parts.ip ? cidr : undefined
}

/** As {@link parseCidr}, but refuses host bits. @throws INVALID, naming the network that was probably meant */
export function parseNet(text: string): Cidr {
  const net = findNet(text)
  if (net !== undefined) return net
  throw invalidText('network', text, `host bits to be zero, as in ${parseCidr(text)}`)
}

/** Keeps the host bits; an address alone gets the full mask. Undefined when malformed. */
export function findIpInterface(text: string): IpInterface | undefined {
  const parts = split(text)
  if (parts === undefined) return undefined
  return { ...parts, cidr: cidrOf(parts.ip, parts.prefixLength), text: `${parts.ip}/${parts.prefixLength}` }
}

/** @throws INVALID */
export function parseIpInterface(text: string): IpInterface {
  const found = findIpInterface(text)
  if (found === undefined) throw invalidText('interface address', text, 'address/prefix-length')
  return found
}

/** Undefined unless `text` is an address with or without a prefix length. The text is kept as it is. */
export const findCidrText = (text: string): CidrText | undefined =>
  split(text) === undefined ? undefined : branded<CidrText>(text)

/** The first address. */
export const cidrBase = (cidr: Cidr): Ip => branded(cidr.slice(0, cidr.indexOf('/')))
export const cidrPrefixLength = (cidr: Cidr): number => Number(cidr.slice(cidr.indexOf('/') + 1))
/** How many addresses it holds. */
export const cidrSize = (cidr: Cidr): bigint => 1n << BigInt(bitsOf(ipVersion(cidr)) - cidrPrefixLength(cidr))
export const isCidr4 = (cidr: Cidr): cidr is Cidr4 => !cidr.includes(':')

const isCidr = (address: Ip | Cidr): address is Cidr => address.includes('/')

export const ipVersion = (address: Ip | Cidr | CidrText): IpVersion => (address.includes(':') ? 6 : 4)

/** Whether every address of `inner` lies in `outer`; never across IP versions. */
export function cidrContains(outer: Cidr, inner: Ip | Cidr): boolean {
  if (ipVersion(outer) !== ipVersion(inner)) return false
  const length = cidrPrefixLength(outer)
  if (!isCidr(inner)) return cidrOf(inner, length) === outer
  return cidrPrefixLength(inner) >= length && cidrOf(cidrBase(inner), length) === outer
}

/** Whether they share an address: one contains the other. */
export const cidrOverlaps = (a: Cidr, b: Cidr): boolean => cidrContains(a, b) || cidrContains(b, a)

/** Order of networks: IPv4 before IPv6, then by first address, then larger first. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  if (isCidr4(a) !== isCidr4(b)) return isCidr4(a) ? -1 : 1
  const [left, right] = [ipToBigInt(cidrBase(a)), ipToBigInt(cidrBase(b))]
  return left < right ? -1 : left > right ? 1 : cidrPrefixLength(a) - cidrPrefixLength(b)
}
