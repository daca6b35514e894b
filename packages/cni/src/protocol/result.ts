/**
 * Results of ADD: one form inside, and the forms of all versions of the specification at the edges.
 *
 * Up to 0.2.0 a result has at most one address a family (`ip4`, `ip6`); 0.3.0 brought lists of interfaces and addresses,
 * 1.0.0 dropped the address family, 1.1.0 added the MTU of interfaces.
 */
import { findIp, findIpInterface, ipVersion, type Ip, type IpInterface } from '@calico-node/model'
import { CNI_CODE, CniError } from './error.ts'
import { isObject, type JsonObject } from './request.ts'
import { isAtLeast, type CniVersion } from './version.ts'

export interface ResultInterface {
  readonly name: string
  readonly mac?: string
  readonly mtu?: number
  /** Namespace; absent for the host's. */
  readonly sandbox?: string
}

export interface ResultAddress {
  readonly address: IpInterface
  readonly gateway?: Ip
  /** Index into the interfaces. */
  readonly interface?: number
}

export interface Result {
  readonly interfaces: readonly ResultInterface[]
  readonly ips: readonly ResultAddress[]
  /** As the IPAM plugin gave them. */
  readonly routes: readonly JsonObject[]
  readonly dns: JsonObject
}

/** The result as the configuration's version wants it. */
export function renderResult(result: Result, cniVersion: CniVersion): object {
  return isAtLeast(cniVersion, '0.3.0') ? listForm(result, cniVersion) : familyForm(result, cniVersion)
}

function listForm({ interfaces, ips, routes, dns }: Result, cniVersion: CniVersion): object {
  const withMtu = isAtLeast(cniVersion, '1.1.0')
  const withFamily = !isAtLeast(cniVersion, '1.0.0')
  return {
    cniVersion,
    ...(interfaces.length > 0 && {
      interfaces: interfaces.map(({ mtu, ...rest }) => (withMtu ? { ...rest, mtu } : rest)),
    }),
    ips: ips.map(({ address, gateway, interface: index }) => ({
      ...(withFamily && { version: String(ipVersion(address.ip)) }),
      ...(index !== undefined && { interface: index }),
      address: address.text,
      ...(gateway !== undefined && { gateway }),
    })),
    ...(routes.length > 0 && { routes }),
    dns,
  }
}

function familyForm({ ips, routes, dns }: Result, cniVersion: CniVersion): object {
  const family = (version: 4 | 6): object | undefined => {
    const first = ips.find(({ address }) => ipVersion(address.ip) === version)
    if (first === undefined) return undefined
    const { address, gateway } = first
    const own = routes.filter(({ dst }) => typeof dst === 'string' && dst.includes(':') === (version === 6))
    return { ip: address.text, ...(gateway && { gateway }), ...(own.length > 0 && { routes: own }) }
  }
  const [ip4, ip6] = [family(4), family(6)]
  return { cniVersion, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns }
}

/** A result in whatever form a plugin or a runtime's cache has it. @throws CniError */
export function parseResult(value: unknown, origin: string): Result {
  if (!isObject(value)) throw unreadable(origin, 'it is not an object')
  const { interfaces, ips, ip4, ip6, dns, routes } = value
  const families = [ip4, ip6].filter(isObject).map(({ ip, gateway }) => ({ address: ip, gateway }))
  const familyRoutes = [ip4, ip6].filter(isObject).flatMap((family) => objects(family['routes']))
  return {
    interfaces: objects(interfaces).map((each) => parseInterface(each, origin)),
    ips: [...objects(ips), ...families].map((each) => parseAddress(each, origin)),
    routes: [...objects(routes), ...familyRoutes],
    dns: isObject(dns) ? dns : {},
  }
}

function parseInterface({ name, mac, mtu, sandbox }: JsonObject, origin: string): ResultInterface {
  if (typeof name !== 'string') throw unreadable(origin, 'an interface has no name')
  return {
    name,
    ...(typeof mac === 'string' && { mac }),
    ...(typeof mtu === 'number' && { mtu }),
    ...(typeof sandbox === 'string' && { sandbox }),
  }
}

function parseAddress({ address, gateway, interface: index }: JsonObject, origin: string): ResultAddress {
  const parsed = typeof address === 'string' ? findIpInterface(address) : undefined
  if (parsed === undefined) throw unreadable(origin, `"${String(address)}" is no address with a prefix length`)
  const via = typeof gateway === 'string' ? findIp(gateway) : undefined
  return {
    address: parsed,
    ...(via !== undefined && { gateway: via }),
    ...(typeof index === 'number' && { interface: index }),
  }
}

const objects = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : [])

const unreadable = (origin: string, why: string): CniError =>
  new CniError(CNI_CODE.decoding, `cannot read the result of ${origin}: ${why}`)
