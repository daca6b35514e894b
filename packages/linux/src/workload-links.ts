/**
 * What attaching a workload needs beyond links.ts: kernel parameters and default routes inside its namespace, and answering
 * for a gateway that is no address of the host's end.
 */
import { CalicoError } from '@calico-node/core'
import { parseCidr, type Ip } from '@calico-node/model'
import type { KernelRoute } from './ip-json.ts'
import { listRoutes, replaceRoute, type At } from './links.ts'
import { runIn, type Netns } from './netns.ts'
import type { Route } from './ports.ts'
import { removalWords } from './route-text.ts'
import type { IpVersion } from './rules/types.ts'

const DEFAULT_ROUTE = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') }
const RT_SCOPE_LINK = 253
const RTN_UNICAST = 1

/**
 * Writes a value below /proc/sys/net of another network namespace; `tee` runs there because these files show the namespace
 * of the process that opens them.
 *
 * @param key As in `Sysctl`: `net/ipv6/conf/eth1/accept_dad`.
 */
export async function writeSysctlIn(netns: Netns, key: string, value: string): Promise<void> {
  if (!key.startsWith('net/'))
    throw new CalicoError('INVALID', `Cannot set ${key}: it does not belong to a network namespace`)
  await runIn(netns, 'tee', [`/proc/sys/${key}`], { input: value })
}

/** Makes the host answer neighbour solicitations for `ip` on `dev`, as far as proxy_ndp is on there. Idempotent. */
export async function addProxyNeighbour(dev: string, ip: Ip, at: At = {}): Promise<void> {
  await runIn(at.netns, 'ip', ['neighbour', 'replace', 'proxy', ip, 'dev', dev])
}

/** The default routes with the metric that a route gets when none is named: those that a new one would collide with. */
export async function listPlainDefaultRoutes(ipVersion: IpVersion, at: At = {}): Promise<readonly KernelRoute[]> {
  const plainMetric = ipVersion === 4 ? 0 : 1024
  const routes = await listRoutes(ipVersion, at)
  return routes.filter(
    ({ dst, metric, multipath }) => dst === DEFAULT_ROUTE[ipVersion] && metric === plainMetric && !multipath,
  )
}

/** Raises the route's metric by one, so that another route of its destination wins. */
export const demoteRoute = (route: KernelRoute, at: At = {}): Promise<void> =>
  moveRoute(route, { ...route, metric: route.metric + 1 }, at)

/** Takes {@link demoteRoute} back. @param route As it was before. */
export const restoreRoute = (route: KernelRoute, at: At = {}): Promise<void> =>
  moveRoute({ ...route, metric: route.metric + 1 }, route, at)

/** The unicast routes over a device: what the kernel forgets when the device loses its last address. */
export async function listDeviceRoutes(
  dev: string,
  ipVersion: IpVersion,
  at: At = {},
): Promise<readonly KernelRoute[]> {
  const routes = await listRoutes(ipVersion, at)
  return routes.filter((route) => route.dev === dev && route.type === RTN_UNICAST && !route.multipath)
}

/** Idempotent. Next hops come before the routes that lead over them. */
export async function putRoutesBack(routes: readonly KernelRoute[], at: At = {}): Promise<void> {
  const direct = routes.filter(({ via }) => via === undefined)
  const indirect = routes.filter(({ via }) => via !== undefined)
  for (const route of [...direct, ...indirect]) await replaceRoute(wanted(route), at)
}

async function moveRoute(from: KernelRoute, to: KernelRoute, at: At): Promise<void> {
  await replaceRoute(wanted(to), at)
  await runIn(at.netns, 'ip', ['route', 'delete', ...removalWords(from)])
}

function wanted({ dst, dev, via, onlink, protocol, scope, src, metric, mtu }: KernelRoute): Route {
  return {
    dst,
    kind: 'unicast',
    onlink,
    protocol,
    metric,
    scope: scope === RT_SCOPE_LINK ? 'link' : 'global',
    ...(dev !== undefined && { dev }),
    ...(via !== undefined && { via }),
    ...(src !== undefined && { src }),
    ...(mtu !== undefined && { mtu }),
  }
}
