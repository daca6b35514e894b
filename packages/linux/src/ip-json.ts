/**
 * Typed values from the JSON of `ip -j`. Entries that this package has no use for (no name, an address that is none) are left
 * out; the numeric form (`-N`) of protocols, scopes and route types is expected.
 */
import { CalicoError } from '@calico-node/core'
import { findCidr, findIp, findMac, hostCidr, type Cidr, type Ip, type Mac } from '@calico-node/model'
import type { Link } from './ports.ts'

export type IpRecord = Readonly<Record<string, unknown>>

/** An address that an interface holds. */
export interface InterfaceAddress {
  readonly dev: string
  readonly ip: Ip
  readonly prefixLength: number
  /** `host` is loopback, `link` is good for one link only. */
  readonly scope: 'global' | 'site' | 'link' | 'host'
  /** Another address of the same subnet is this interface's first. */
  readonly secondary: boolean
  /** IPv6: not to be used for new connections, made up for privacy, or not yet known to be unique. */
  readonly deprecated: boolean
  readonly temporary: boolean
  readonly tentative: boolean
}

/** A link with what the dataplane does not need but address detection does. */
export interface LinkDetail extends Link {
  /** Administratively up, carrier or not. */
  readonly adminUp: boolean
  readonly loopback: boolean
  /** The bridge or bond that it belongs to. */
  readonly master?: string
}

/** A route as the kernel has it; `type` is RTN_*: 1 unicast, 2 local, 6 blackhole, ... */
export interface KernelRoute {
  readonly dst: Cidr
  readonly type: number
  readonly dev?: string
  readonly via?: Ip
  readonly onlink: boolean
  readonly protocol: number
  /** RT_SCOPE_*: 0 global, 253 link. */
  readonly scope: number
  readonly src?: Ip
  readonly metric: number
  readonly mtu?: number
  /** Several next hops, which are not told apart further. */
  readonly multipath: boolean
}

export interface KernelNeighbour {
  readonly dev: string
  readonly ip: Ip
  readonly mac?: Mac
  readonly permanent: boolean
}

/** @throws INVALID when the text is not a JSON list of objects. */
export function parseRecords(json: string): readonly IpRecord[] {
  const text = json.trim()
  const value: unknown = text === '' ? [] : JSON.parse(text)
  if (!Array.isArray(value)) {
    throw new CalicoError('INVALID', 'Cannot read the output of ip: it is not a list', {
      context: { json: text.slice(0, 200) },
    })
  }
  return value.filter(isRecord)
}

export const parseLinks = (json: string): LinkDetail[] => parseRecords(json).flatMap((record) => linkOf(record) ?? [])

export const parseAddresses = (json: string): InterfaceAddress[] => parseRecords(json).flatMap(addressesOf)

/** @param ipVersion What `default` stands for. */
export function parseRoutes(json: string, ipVersion: 4 | 6): KernelRoute[] {
  return parseRecords(json).flatMap((record) => routeOf(record, ipVersion) ?? [])
}

export function parseNeighbours(json: string): KernelNeighbour[] {
  return parseRecords(json).flatMap((record) => {
    const dev = textOf(record, 'dev')
    const ip = findIp(textOf(record, 'dst') ?? '')
    if (dev === undefined || ip === undefined) return []
    const mac = findMac(textOf(record, 'lladdr') ?? '')
    return [{ dev, ip, permanent: has(record, 'state', 'PERMANENT'), ...(mac !== undefined && { mac }) }]
  })
}

export function linkOf(record: IpRecord): LinkDetail | undefined {
  const name = textOf(record, 'ifname')
  const index = numberOf(record, 'ifindex')
  if (name === undefined || index === undefined) return undefined
  const adminUp = has(record, 'flags', 'UP')
  const mac = findMac(textOf(record, 'address') ?? '')
  const master = textOf(record, 'master')
  const info = record['linkinfo']
  const kind = isRecord(info) ? textOf(info, 'info_kind') : undefined
  return {
    name,
    index,
    adminUp,
    operUp: adminUp && !has(record, 'flags', 'NO-CARRIER'),
    loopback: has(record, 'flags', 'LOOPBACK'),
    mtuBytes: numberOf(record, 'mtu') ?? 0,
    ...(mac !== undefined && { mac }),
    ...(master !== undefined && { master }),
    ...(kind !== undefined && { kind }),
  }
}

export function addressesOf(record: IpRecord): InterfaceAddress[] {
  const dev = textOf(record, 'ifname')
  const infos = record['addr_info']
  if (dev === undefined || !Array.isArray(infos)) return []
  return infos.filter(isRecord).flatMap((info) => {
    const ip = findIp(textOf(info, 'local') ?? '')
    const prefixLength = numberOf(info, 'prefixlen')
    if (ip === undefined || prefixLength === undefined) return []
    const flag = (name: string): boolean => info[name] === true
    return [
      {
        dev,
        ip,
        prefixLength,
        scope: scopeOf(textOf(info, 'scope')),
        secondary: flag('secondary'),
        deprecated: flag('deprecated'),
        temporary: flag('temporary'),
        tentative: flag('tentative'),
      },
    ]
  })
}

function routeOf(record: IpRecord, ipVersion: 4 | 6): KernelRoute | undefined {
  const dst = destination(textOf(record, 'dst'), ipVersion)
  if (dst === undefined) return undefined
  const dev = textOf(record, 'dev')
  const other = record['via'] // a gateway of the other family has a record of its own
  const via = findIp(textOf(record, 'gateway') ?? (isRecord(other) ? textOf(other, 'host') : undefined) ?? '')
  const src = findIp(textOf(record, 'prefsrc') ?? '')
  const metrics = record['metrics']
  const mtu = Array.isArray(metrics)
    ? metrics
        .filter(isRecord)
        .map((each) => numberOf(each, 'mtu'))
        .find(Boolean)
    : undefined
  return {
    dst,
    type: numberOf(record, 'type') ?? 1,
    onlink: has(record, 'flags', 'onlink'),
    protocol: numberOf(record, 'protocol') ?? 3,
    scope: numberOf(record, 'scope') ?? 0,
    metric: numberOf(record, 'metric') ?? 0,
    multipath: Array.isArray(record['nexthops']),
    ...(dev !== undefined && { dev }),
    ...(via !== undefined && { via }),
    ...(src !== undefined && { src }),
    ...(mtu !== undefined && { mtu }),
  }
}

function destination(text: string | undefined, ipVersion: 4 | 6): Cidr | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return findCidr(ipVersion === 4 ? '0.0.0.0/0' : '::/0')
  const ip = findIp(text)
  return ip === undefined ? findCidr(text) : hostCidr(ip)
}

function scopeOf(text: string | undefined): InterfaceAddress['scope'] {
  return text === 'host' || text === 'link' || text === 'site' ? text : 'global'
}

export const isRecord = (value: unknown): value is IpRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const textOf = (record: IpRecord, key: string): string | undefined => {
  const value = record[key]
  return typeof value === 'string' ? value : undefined
}

/** Numbers come as such or as text, depending on the field. */
export function numberOf(record: IpRecord, key: string): number | undefined {
  const value = record[key]
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined
}

function has(record: IpRecord, key: string, wanted: string): boolean {
  const value = record[key]
  return Array.isArray(value) && value.includes(wanted)
}
