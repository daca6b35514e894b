import { existsSync } from 'node:fs'
import { findLink, listAddresses, listRoutes } from '@calico-node/linux'
import { cidrBase, hostCidr, ipVersion, parseCidr, type Cidr, type WorkloadEndpointResource } from '@calico-node/model'
import { CniError } from '../protocol/error.ts'
import type { Session } from '../session.ts'

const UNKNOWN_CONTAINER = 3
const DEFAULT_ROUTE = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') }

/** @throws CniError when there is no such namespace (any more) */
export function assertNetns(netns: string | undefined): string {
  if (netns !== undefined && existsSync(netns)) return netns
  throw new CniError(UNKNOWN_CONTAINER, `the container's network namespace ${netns ?? '(none)'} does not exist`)
}

/**
 * Compares the kernel with what the endpoint says.
 *
 * @returns What is wrong, in a sentence; undefined when everything stands.
 */
export async function inspect({ request }: Session, { spec }: WorkloadEndpointResource): Promise<string | undefined> {
  const { ifname } = request
  const netns = { path: assertNetns(request.netns) }
  const [host, inside, addresses] = await Promise.all([
    findLink(spec.interfaceName),
    findLink(ifname, { netns }),
    listAddresses({ netns }),
  ])
  if (host === undefined) return `the host has no interface ${spec.interfaceName}`
  if (!host.adminUp) return `${spec.interfaceName} is down`
  if (inside === undefined) return `the container has no interface ${ifname}`
  if (!inside.adminUp) return `${ifname} is down`
  if (spec.mac !== undefined && inside.mac !== spec.mac)
    return `${ifname} has MAC ${inside.mac ?? '(none)'}, not ${spec.mac}`
  const present = new Set(addresses.filter(({ dev }) => dev === ifname).map(({ ip }) => hostCidr(ip)))
  const nets = spec.ipNetworks ?? []
  const missing = nets.find((net) => !present.has(net))
  if (missing !== undefined) return `${ifname} does not have address ${cidrBase(missing)}`
  return findMissingRoute(ifname, netns, nets)
}

/** Each family needs a default route; where a container is on several networks it may be another's. */
async function findMissingRoute(
  ifname: string,
  netns: { readonly path: string },
  nets: readonly Cidr[],
): Promise<string | undefined> {
  for (const version of new Set(nets.map(ipVersion))) {
    const routes = await listRoutes(version, { netns })
    if (!routes.some(({ dst, dev }) => dst === DEFAULT_ROUTE[version] && dev === ifname))
      return `the container has no IPv${version} default route over ${ifname}`
  }
  return undefined
}
