/** What a person should mend in pools, tunnel addresses and the two switches over routes. Pure. */
import { cidrContains, ipVersion, type NodeName } from '@calico-node/model'
import { tunnelVersion, wayOf } from './encapsulation.ts'
import type { ClusterBgpInput, PoolInput, TunnelAddress } from './inputs.ts'
import type { TunnelKind } from './messages.ts'
import type { RouteResolver } from './route-resolver.ts'

/** Sentences by an identity that stays while the fault does. */
export type Notices = ReadonlyMap<string, string>

const WORD: Readonly<Record<TunnelKind, string>> = { vxlan: 'VXLAN', 'vxlan-v6': 'IPv6 VXLAN', ipip: 'IP-in-IP' }

export function networkNotices(self: NodeName, routes: RouteResolver, bgp: ClusterBgpInput | undefined): Notices {
  if (!routes.options.enabled) return new Map()
  return new Map([
    ...overlaps(routes),
    ...ownAddress(self, routes),
    ...[...routes.nodes.keys()].flatMap((node) =>
      routes.ends.named(node).flatMap((end) => endNotices(node, end, routes)),
    ),
    ...switches(routes, bgp),
  ])
}

function overlaps({ pools }: RouteResolver): [string, string][] {
  return pools
    .overlaps()
    .map(([outer, inner]) => [
      `overlap ${outer.cidr} ${inner.cidr}`,
      `IP pools ${outer.name} (${outer.cidr}) and ${inner.name} (${inner.cidr}) overlap: ${inner.name} counts where they do`,
    ])
}

function ownAddress(self: NodeName, { activeTunnels, nodes }: RouteResolver): [string, string][] {
  const node = nodes.get(self)
  const lacking = [...activeTunnels].filter((kind) => !node?.ips.some((ip) => ipVersion(ip) === tunnelVersion(kind)))
  return lacking.map((kind) => [
    `own address ${kind}`,
    `Node ${self} has no IPv${tunnelVersion(kind)} address: it takes no part in ${WORD[kind]}`,
  ])
}

function endNotices(node: NodeName, end: TunnelAddress, routes: RouteResolver): [string, string][] {
  const { pools, ends, activeTunnels, options } = routes
  if (!activeTunnels.has(end.kind)) return [] // about to be given back
  const [first, ...others] = ends.rivals(end)
  const what = `${WORD[end.kind]} tunnel address ${end.ip}`
  const isIn = (pool: PoolInput): boolean =>
    cidrContains(pool.cidr, end.ip) && wayOf(pool, options)?.tunnel === end.kind
  const isOutside = ![...pools.all()].some(isIn)
  return [
    ...(isOutside
      ? [notice(`outside ${end.kind} ${node}`, `${what} of Node ${node} lies in no ${WORD[end.kind]} pool`)]
      : []),
    ...(first === node
      ? [
          notice(
            `shared ${end.kind} ${end.ip}`,
            `${what} is of Nodes ${[first, ...others].join(', ')}: it counts for ${first}`,
          ),
        ]
      : []),
  ]
}

const notice = (id: string, reason: string): [string, string] => [id, reason]

/** Felix and BIRD each have a switch for pools without encapsulation, and one of the two must be on. */
function switches({ pools, options }: RouteResolver, bgp: ClusterBgpInput | undefined): [string, string][] {
  const plain = [...pools.all()].filter(({ spec }) => spec.vxlanMode === 'Never' && spec.ipipMode === 'Never')
  const byBird = bgp?.programsRoutes ?? true
  if (plain.length === 0 || byBird !== options.plainPools) return []
  const both =
    'programClusterRoutes is on in FelixConfiguration and in BGPConfiguration: routes of pools without encapsulation are written twice'
  const none =
    'programClusterRoutes is off in FelixConfiguration and in BGPConfiguration: nobody writes routes of pools without encapsulation'
  return [notice('programClusterRoutes', byBird ? both : none)]
}
