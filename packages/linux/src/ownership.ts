/**
 * What on a host is ours, by name alone. The drivers use it to sweep what nobody wants any more, and clean-up, diagnostics and
 * trace use it to find the same objects. A restarted agent remembers nothing: these names are all it has.
 *
 * The names are those of Calico's own dataplane, so that either implementation cleans up after the other.
 */
import { createHash } from 'node:crypto'
import type { Route } from './ports.ts'
import type { IpVersion } from './rules/types.ts'

/** iptables refuses longer chain names. */
export const MAX_CHAIN_NAME = 28
/** The kernel refuses longer IP set names. */
export const MAX_SET_NAME = 31
/** What a rule's first comment starts with; 16 characters of hash follow. */
export const RULE_ID_PREFIX = 'cali:'
/** Interfaces of workloads start with this unless configured otherwise. */
export const WORKLOAD_PREFIX = 'cali'

const CHAIN_PREFIXES = ['cali-', 'califw-', 'calitw-', 'califh-', 'calith-', 'calipi-', 'calipo-', 'felix-']

const base64url = (algorithm: 'sha224' | 'sha256', text: string): string =>
  createHash(algorithm).update(text).digest('base64url')

export const isOurChain = (name: string): boolean => CHAIN_PREFIXES.some((prefix) => name.startsWith(prefix))

/**
 * Name of a chain: `prefix` and `name` when that fits, else `prefix`, `_` and as much of the SHA-256 of `name` as fits.
 * A name that fills the last character and itself starts with `_` is hashed too, so that it cannot pose as a hash.
 */
export function chainName(prefix: string, name: string): string {
  const plain = prefix + name
  const posesAsHash = plain.length === MAX_CHAIN_NAME && name.startsWith('_')
  if (plain.length <= MAX_CHAIN_NAME && !posesAsHash) return plain
  return `${prefix}_${base64url('sha256', name)}`.slice(0, MAX_CHAIN_NAME)
}

/** Kernel name of the set with this id, for example `cali40all-ipam-pools`. */
export const setName = (id: string, ipVersion: IpVersion): string => `cali${ipVersion}0${id}`.slice(0, MAX_SET_NAME)

/** A name for a set under construction; swept at the next start when we die half-way. */
export const temporarySetName = (ipVersion: IpVersion, serial: number): string => `cali${ipVersion}t${serial}`

export function isOurIpSet(name: string, ipVersion: IpVersion): boolean {
  if (name.startsWith(`cali${ipVersion}`) || name.startsWith(`felix-${ipVersion}-`)) return true
  return ipVersion === 4 && ['felix-masq-ipam-pools', 'felix-all-ipam-pools'].includes(name)
}

/** Id of the set of the addresses that a selector matches. @param selector Canonical text. */
export const selectorSetId = (selector: string): string => `s:${base64url('sha224', `s:${selector}`)}`

/** Id of the set of the (address, protocol, port) that a named port stands for on the endpoints of a selector's set. */
export const namedPortSetId = (selectorId: string, protocol: string, port: string): string =>
  `n:${base64url('sha224', `n:${selectorId},${protocol},${port}`)}`

/** Routes that no program but Felix writes. */
export const ROUTE_PROTOCOL = 80
/** What routes get that nobody labelled; workload routes use it by default, for BIRD to learn them. */
export const ROUTE_PROTOCOL_BOOT = 3

/**
 * Who wins when several owners want one destination: the earlier class; in a class, the highest interface index. Among the ways
 * to other hosts there is no rivalry: whoever asks for them asks for one a destination.
 */
export const ROUTE_CLASSES = ['workload', 'cluster'] as const

/** Rank of an owner by the first word of its name; unknown classes come last. */
export function routeClassRank(owner: string): number {
  const word = owner.split(' ', 1)[0] ?? ''
  const rank = ROUTE_CLASSES.findIndex((name) => name === word)
  return rank === -1 ? ROUTE_CLASSES.length : rank
}

export interface RouteOwnership {
  /** Interface name prefixes of workloads. */
  readonly workloadPrefixes: readonly string[]
  /** Protocol of workload routes; anything but boot marks a route as ours on every device. */
  readonly deviceRouteProtocol: number
  /** Take every route on a workload interface for ours, whoever wrote it; else only those of our protocols. */
  readonly removeExternalRoutes: boolean
}

export const DEFAULT_ROUTE_OWNERSHIP: RouteOwnership = {
  workloadPrefixes: [WORKLOAD_PREFIX],
  deviceRouteProtocol: ROUTE_PROTOCOL_BOOT,
  removeExternalRoutes: true,
}

/** Names of the tunnel devices. */
export const TUNNEL_DEVICES = { vxlan: 'vxlan.calico', 'vxlan-v6': 'vxlan-v6.calico', ipip: 'tunl0' } as const
const VXLAN_DEVICES: readonly string[] = [TUNNEL_DEVICES.vxlan, TUNNEL_DEVICES['vxlan-v6']]
/** BIRD as Calico patches it writes routes to `tunl0`; a stock BIRD does not, so these are left from before. */
export const ROUTE_PROTOCOL_BIRD = 12

export const isWorkloadDevice = (dev: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => dev.startsWith(prefix))

export const isVxlanDevice = (dev: string): boolean => VXLAN_DEVICES.includes(dev)

/** Whether a route of the main table may be deleted when nobody wants it. */
export function ownsRoute(route: Pick<Route, 'dst' | 'dev' | 'protocol'>, ownership: RouteOwnership): boolean {
  const { dst, dev = '', protocol } = route
  const { workloadPrefixes, deviceRouteProtocol, removeExternalRoutes } = ownership
  if (dst === 'fe80::/64') return false
  if (protocol === ROUTE_PROTOCOL) return true
  if (deviceRouteProtocol !== ROUTE_PROTOCOL_BOOT && protocol === deviceRouteProtocol) return true
  if (isVxlanDevice(dev)) return true
  if (dev === TUNNEL_DEVICES.ipip && protocol === ROUTE_PROTOCOL_BIRD) return true
  return isWorkloadDevice(dev, workloadPrefixes) && (removeExternalRoutes || protocol === ROUTE_PROTOCOL_BOOT)
}
