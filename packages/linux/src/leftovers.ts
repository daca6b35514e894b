/**
 * Everything of ours on a host that nobody looks after any more: found, and removed.
 *
 * Goal: what ownership.ts calls ours goes, and nothing else changes. Both variants of iptables are looked into, because a host may
 * have changed from one to the other. Rules go first, then the sets that they named, then routes, then devices.
 *
 * Repeating it is harmless: everything is found by name, and what is gone is not found.
 */
import { hasCode, quietLogger, type Logger } from '@calico-node/core'
import { createRuleTable, type IptablesVariant } from './iptables/table.ts'
import { parseSave } from './iptables/save-text.ts'
import type { InterfaceAddress, KernelRoute } from './ip-json.ts'
import { createIpSets } from './ipsets.ts'
import { deleteLink, isAbsent, listAddresses, listLinks, listRoutes } from './links.ts'
import {
  DEFAULT_ROUTE_OWNERSHIP,
  isOurIpSet,
  isVxlanDevice,
  isWorkloadDevice,
  ownsRoute,
  ROUTE_PROTOCOL_BIRD,
  TUNNEL_DEVICES,
} from './ownership.ts'
import { removalWords } from './route-text.ts'
import type { IpVersion, Table } from './rules/types.ts'
import { runTool } from './run.ts'
import { createTunnelDevices } from './tunnel-devices.ts'

export interface LeftoverTable {
  readonly variant: IptablesVariant
  readonly ipVersion: IpVersion
  readonly table: Table
  readonly chains: readonly string[]
  /** How many of our rules stand in chains of others. */
  readonly hookRules: number
}

export interface LeftoverRoute extends KernelRoute {
  readonly ipVersion: IpVersion
}

export interface Leftovers {
  readonly tables: readonly LeftoverTable[]
  readonly sets: readonly string[]
  readonly routes: readonly LeftoverRoute[]
  /** VXLAN devices. */
  readonly devices: readonly string[]
  /** IPv4 addresses of `tunl0`, which itself belongs to the kernel. */
  readonly tunnelAddresses: readonly InterfaceAddress[]
  /** Interfaces of workloads: removing one cuts its workload off. */
  readonly workloads: readonly string[]
}

export interface LeftoverOptions {
  /** Also routes that a BIRD wrote into the main table; whose BIRD it was, nobody can tell from them. Default false. */
  readonly birdRoutes?: boolean
}

const VERSIONS = [4, 6] as const
const VARIANTS = ['legacy', 'nft'] as const
const TABLES = ['raw', 'mangle', 'nat', 'filter'] as const
const TIMEOUT_MS = 60_000
const MAX_LISTING_BYTES = 1024 * 1024 * 1024

/** Reads only. */
export async function findLeftovers({ birdRoutes = false }: LeftoverOptions = {}): Promise<Leftovers> {
  const links = (await listLinks()).map(({ name }) => name)
  const addresses = await listAddresses()
  return {
    tables: (
      await Promise.all(VARIANTS.flatMap((variant) => VERSIONS.map((version) => tablesOf(variant, version))))
    ).flat(),
    sets: await ourSets(),
    routes: (await Promise.all(VERSIONS.map((version) => ourRoutes(version, birdRoutes)))).flat(),
    devices: links.filter(isVxlanDevice),
    tunnelAddresses: addresses.filter(({ dev, ip }) => dev === TUNNEL_DEVICES.ipip && !ip.includes(':')),
    workloads: links.filter((name) => isWorkloadDevice(name, DEFAULT_ROUTE_OWNERSHIP.workloadPrefixes)),
  }
}

/** Removes what was found. @throws APPLY_FAILED for what the kernel refused */
export async function removeLeftovers(found: Leftovers, log: Logger = quietLogger): Promise<void> {
  for (const { variant, ipVersion, table } of found.tables)
    await createRuleTable({ variant, table, ipVersion, log }).apply()
  for (const version of VERSIONS) {
    if (found.sets.some((name) => isOurIpSet(name, version))) await destroySets(version, log)
  }
  for (const name of found.workloads) await deleteLink(name)
  await removeRoutes(found.routes)
  const devices = createTunnelDevices({ log })
  for (const name of found.devices) devices.removeDevice(name)
  if (found.tunnelAddresses.length > 0) devices.removeDevice(TUNNEL_DEVICES.ipip)
  await devices.apply()
}

/** A listing of all tables: naming a table would make the legacy variant create it. */
async function tablesOf(variant: IptablesVariant, ipVersion: IpVersion): Promise<LeftoverTable[]> {
  const listing = await ifPossible(
    runTool(`ip${ipVersion === 6 ? '6' : ''}tables-${variant}-save`, [], {
      timeoutMs: TIMEOUT_MS,
      maxOutputBytes: MAX_LISTING_BYTES,
    }),
  )
  const sections = (listing ?? '').split(/^\*/m)
  return TABLES.flatMap((table) => {
    const section = sections.find((text) => text.startsWith(`${table}\n`))
    if (section === undefined) return []
    const { owned, foreign } = parseSave(section, table)
    const hookRules = [...foreign.values()].flat().filter((rule) => rule !== undefined).length
    return owned.size + hookRules === 0 ? [] : [{ variant, ipVersion, table, chains: [...owned.keys()], hookRules }]
  })
}

async function ourSets(): Promise<string[]> {
  const names = ((await ifPossible(runTool('ipset', ['list', '-name'], { timeoutMs: TIMEOUT_MS }))) ?? '').split('\n')
  return names.filter((name) => VERSIONS.some((version) => isOurIpSet(name, version)))
}

async function ourRoutes(ipVersion: IpVersion, birdRoutes: boolean): Promise<LeftoverRoute[]> {
  const isOurs = (route: KernelRoute): boolean =>
    ownsRoute(route, DEFAULT_ROUTE_OWNERSHIP) || (birdRoutes && route.protocol === ROUTE_PROTOCOL_BIRD)
  return (await listRoutes(ipVersion)).filter(isOurs).map((route) => ({ ...route, ipVersion }))
}

/** A tool that the host does not have, or that has nothing to work on, has left nothing. */
async function ifPossible(output: Promise<string>): Promise<string | undefined> {
  try {
    return await output
  } catch (err) {
    if (hasCode(err, 'COMMAND_MISSING', 'COMMAND_FAILED')) return undefined
    throw err
  }
}

async function destroySets(ipVersion: IpVersion, log: Logger): Promise<void> {
  const sets = createIpSets({ ipVersion, log })
  await sets.apply()
  do await sets.applyDeletions()
  while (sets.dueInMs?.() !== undefined)
}

/** Idempotent. @throws COMMAND_FAILED for what the kernel refused */
export async function removeRoutes(routes: readonly LeftoverRoute[]): Promise<void> {
  for (const route of routes) {
    await runTool('ip', [`-${route.ipVersion}`, 'route', 'delete', ...removalWords(route)]).catch((err: unknown) => {
      if (!isAbsent(err)) throw err // it went with its device
    })
  }
}
