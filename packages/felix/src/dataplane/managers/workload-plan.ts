/** What one workload interface needs of the kernel. Pure. */
import type { Link, Neighbour, Route } from '@calico-node/linux'
import { cidrBase, hostCidr, type Ip, ipVersion } from '@calico-node/model'
import type { WorkloadEndpoint } from '../../calc/messages.ts'
import type { DataplaneOp, InterfaceSysctl } from '../ops.ts'
import type { ManagerContext } from './manager.ts'

/** How workload routes look. */
export interface RouteStyle {
  /** Routing protocol number: 3 (boot) unless configured. */
  readonly protocol: number
  /** Source address hint for each IP version. */
  readonly source: Readonly<Partial<Record<4 | 6, Ip>>>
  /** False: policy only, no routes. */
  readonly enabled: boolean
  /** Whether floating addresses lead to the workload. */
  readonly floatingIps: boolean
}

export interface WorkloadContext extends ManagerContext {
  readonly routes: RouteStyle
  /** The host's own net.ipv4.conf.default.rp_filter, which workload interfaces take over. */
  readonly reversePathFilter: string
}

export interface InterfaceChange {
  readonly name: string
  /** The endpoint that owns the interface now. */
  readonly endpoint: WorkloadEndpoint | undefined
  readonly link: Link | undefined
  /** The link changed since the last time. */
  readonly flapped: boolean
}

/** Only while the interface is up; chains of rules stand whenever the endpoint exists. */
export function interfaceOps(change: InterfaceChange, context: WorkloadContext): DataplaneOp[] {
  const { name, endpoint, link } = change
  const reachable = link?.operUp === true ? endpoint : undefined
  return [
    { kind: 'interface.set', name, sysctls: reachable && interfaceSysctls(name, context) },
    ...context.versions.map(
      (version): DataplaneOp => ({
        kind: 'routes.set',
        ipVersion: version,
        owner: owner(name),
        routes: reachable ? routesOf(reachable, version, context.routes) : [],
      }),
    ),
    { kind: 'neighbours.set', owner: owner(name), entries: reachable ? neighboursOf(reachable) : [] },
    ...(change.flapped ? [{ kind: 'interface.reset', name } as const] : []),
  ]
}

const owner = (name: string): string => `workload ${name}`

/** IPv6 routes get the metric that the kernel would give them anyway. */
function routesOf(
  { nets, floatingIps = [], interfaceName: dev }: WorkloadEndpoint,
  version: 4 | 6,
  style: RouteStyle,
): Route[] {
  if (!style.enabled) return []
  const src = style.source[version]
  const floating = style.floatingIps ? floatingIps.map(({ external }) => hostCidr(external)) : []
  return [...new Set([...nets, ...floating])]
    .filter((net) => ipVersion(net) === version)
    .map((dst) => ({
      dst,
      dev,
      kind: 'unicast',
      scope: 'link',
      protocol: style.protocol,
      ...(src !== undefined && { src }),
      ...(version === 6 && { metric: 1024 }),
    }))
}

/** The workload's own MAC is known, so nobody needs to ask for it (IPv4; IPv6 keeps its neighbour discovery). */
const neighboursOf = ({ nets, mac, interfaceName: dev }: WorkloadEndpoint): Neighbour[] =>
  mac === undefined ? [] : nets.filter((net) => ipVersion(net) === 4).map((net) => ({ dev, ip: cidrBase(net), mac }))

/**
 * The host answers ARP and neighbour discovery for everything (the workload's gateway is whoever answers), forwards, and
 * takes no router advertisement from a workload. `route_localnet` lets DNAT to loopback work.
 */
export function interfaceSysctls(
  name: string,
  { versions, reversePathFilter }: Pick<WorkloadContext, 'versions' | 'reversePathFilter'>,
): InterfaceSysctl[] {
  const need = (key: string, value: string): InterfaceSysctl => ({ key, value, required: true })
  const wish = (key: string, value: string): InterfaceSysctl => ({ key, value, required: false })
  const conf4 = `net/ipv4/conf/${name}`
  const conf6 = `net/ipv6/conf/${name}`
  return [
    wish(`${conf6}/accept_ra`, '0'),
    need(`${conf4}/route_localnet`, '1'),
    wish(`net/ipv4/neigh/${name}/proxy_delay`, '0'),
    need(`${conf4}/proxy_arp`, '1'),
    need(`${conf4}/rp_filter`, reversePathFilter),
    need(`${conf4}/forwarding`, '1'),
    ...(versions.includes(6) ? [need(`${conf6}/proxy_ndp`, '1'), need(`${conf6}/forwarding`, '1')] : []),
  ]
}
