/**
 * Reads of links, addresses, routes and neighbours, and the operations on links that plugins, start-up and the tunnel managers
 * need. Each call is one `ip` command, in this process's network namespace or in `netns`. Reconciling many objects is the
 * drivers' business (routes.ts, neighbours.ts).
 */
import { CalicoError, hasCode } from '@calico-node/core'
import type { Cidr, Ip, IpInterface, Mac } from '@calico-node/model'
import {
  parseAddresses,
  parseLinks,
  parseNeighbours,
  parseRoutes,
  type InterfaceAddress,
  type KernelNeighbour,
  type KernelRoute,
  type LinkDetail,
} from './ip-json.ts'
import { netnsPath, runIn, type Netns } from './netns.ts'
import type { Neighbour, Route } from './ports.ts'
import { routeWords } from './route-text.ts'
import type { IpVersion } from './rules/types.ts'

export interface At {
  /** Where; default: the namespace of this process. */
  readonly netns?: Netns
}

const ip = (at: At, ...args: string[]): Promise<string> => runIn(at.netns, 'ip', args)
const family = (ipVersion: IpVersion): string => `-${ipVersion}`

export const listLinks = async (at: At = {}): Promise<LinkDetail[]> =>
  parseLinks(await ip(at, '-j', '-d', 'link', 'show'))

export async function findLink(name: string, at: At = {}): Promise<LinkDetail | undefined> {
  try {
    return parseLinks(await ip(at, '-j', '-d', 'link', 'show', 'dev', name))[0]
  } catch (err) {
    if (isAbsent(err)) return undefined
    throw err
  }
}

export const listAddresses = async (at: At = {}): Promise<InterfaceAddress[]> =>
  parseAddresses(await ip(at, '-j', 'address', 'show'))

/** @param opts.table A name, a number or `all`. Default `main`. */
export async function listRoutes(ipVersion: IpVersion, opts: At & { table?: string } = {}): Promise<KernelRoute[]> {
  const { table = 'main' } = opts
  return parseRoutes(await ip(opts, '-N', '-j', '-d', family(ipVersion), 'route', 'show', 'table', table), ipVersion)
}

export const listNeighbours = async (ipVersion: IpVersion, at: At = {}): Promise<KernelNeighbour[]> =>
  parseNeighbours(await ip(at, '-j', family(ipVersion), 'neighbour', 'show'))

/** The route that a packet to `to` would take now; undefined when there is none. `src` is the address it would carry. */
export async function findRouteTo(to: Ip, at: At = {}): Promise<KernelRoute | undefined> {
  const version = to.includes(':') ? 6 : 4
  try {
    return parseRoutes(await ip(at, '-N', '-j', family(version), 'route', 'get', to), version)[0]
  } catch (err) {
    if (hasCode(err, 'COMMAND_FAILED')) return undefined
    throw err
  }
}

export interface VethEnd {
  readonly name: string
  readonly mac?: Mac
  /** Where this end is created. Default: as the call's `netns`. */
  readonly netns?: Netns
}

/** Creates both ends, each directly where it belongs, so that no half-made pair is ever seen. Both start down. */
export async function addVeth(
  host: VethEnd,
  peer: VethEnd,
  opts: { mtuBytes?: number; queues?: number } & At = {},
): Promise<void> {
  const { queues: count = 1 } = opts
  const queues = count === 1 ? [] : ['numtxqueues', String(count), 'numrxqueues', String(count)]
  const end = ({ name, mac, netns }: VethEnd): string[] => [
    'name',
    name,
    ...(mac === undefined ? [] : ['address', mac]),
    ...(opts.mtuBytes === undefined ? [] : ['mtu', String(opts.mtuBytes)]),
    ...queues,
    ...(netns === undefined ? [] : ['netns', netnsPath(netns)]),
  ]
  await ip(opts, 'link', 'add', ...end(host), 'type', 'veth', 'peer', ...end(peer))
}

/** @returns Whether there was such a link. */
export const deleteLink = (name: string, at: At = {}): Promise<boolean> =>
  unlessAbsent(ip(at, 'link', 'delete', 'dev', name))

/** The link must be down. */
export async function renameLink(name: string, to: string, at: At = {}): Promise<void> {
  await ip(at, 'link', 'set', 'dev', name, 'name', to)
}

/** Moves a link, optionally under another name, which the target namespace must not hold yet. It arrives down and bare. */
export async function moveLink(name: string, to: Netns, opts: At & { as?: string } = {}): Promise<void> {
  const rename = opts.as === undefined ? [] : ['name', opts.as]
  await ip(opts, 'link', 'set', 'dev', name, 'netns', netnsPath(to), ...rename)
}

export interface LinkChange {
  readonly up?: boolean
  readonly mac?: Mac
  readonly mtuBytes?: number
}

export async function setLink(name: string, { up, mac, mtuBytes }: LinkChange, at: At = {}): Promise<void> {
  const words = [
    ...(mac === undefined ? [] : ['address', mac]),
    ...(mtuBytes === undefined ? [] : ['mtu', String(mtuBytes)]),
    ...(up === undefined ? [] : [up ? 'up' : 'down']),
  ]
  if (words.length > 0) await ip(at, 'link', 'set', 'dev', name, ...words)
}

/** Idempotent. IPv6 addresses skip duplicate detection: whoever hands them out has made sure. */
export async function addAddress(dev: string, address: IpInterface, at: At = {}): Promise<void> {
  const nodad = address.ip.includes(':') ? ['nodad'] : []
  await ip(at, 'address', 'replace', `${address.ip}/${address.prefixLength}`, 'dev', dev, ...nodad)
}

/** @returns Whether there was such an address. */
export const removeAddress = (dev: string, address: IpInterface, at: At = {}): Promise<boolean> =>
  unlessAbsent(ip(at, 'address', 'delete', `${address.ip}/${address.prefixLength}`, 'dev', dev))

/** Idempotent; replaces a route of the same destination and metric. */
export async function replaceRoute(route: Route, at: At = {}): Promise<void> {
  await ip(at, 'route', 'replace', ...routeWords(route))
}

/** @returns Whether there was such a route. */
export const removeRoute = (dst: Cidr, dev: string, at: At = {}): Promise<boolean> =>
  unlessAbsent(ip(at, 'route', 'delete', dst, 'dev', dev))

/** Idempotent; the entry is permanent. */
export async function replaceNeighbour({ dev, ip: address, mac }: Neighbour, at: At = {}): Promise<void> {
  await ip(at, 'neighbour', 'replace', address, 'lladdr', mac, 'dev', dev, 'nud', 'permanent')
}

async function unlessAbsent(command: Promise<string>): Promise<boolean> {
  try {
    await command
    return true
  } catch (err) {
    if (isAbsent(err)) return false
    throw err
  }
}

/** What `ip` says when the object of a deletion or a look-up is not there. */
export function isAbsent(err: unknown): boolean {
  if (!(err instanceof CalicoError) || err.code !== 'COMMAND_FAILED') return false
  return saysAbsent(String(err.context['stderr']))
}

export const saysAbsent = (text: string): boolean =>
  /does not exist|Cannot find device|No such (process|device)\b|Cannot assign requested address|not found/i.test(text)
