/** Puts an endpoint into a container: a veth pair, one end of which Docker moves and gives its addresses and routes. */
import { CalicoError } from '@calico-node/core'
import { addVeth, createSysctl, deleteLink, setLink } from '@calico-node/linux'
import { hostCidr, ipVersion, type Cidr, type Ip, type WorkloadEndpointResource } from '@calico-node/model'
import { linkLocalOf } from '@calico-node/workload'
import type { DriverContext } from './context.ts'
import { containerEnd, hostEnd, listEndpoints, NAMESPACE, NETWORK_ANNOTATION, SANDBOX_ANNOTATION } from './endpoints.ts'
import { findNetwork } from './networks.ts'
import { vethMtuBytes } from './params.ts'
import type { JoinRequest } from './requests.ts'
import { planSandbox, type SandboxPlan } from './sandbox-plan.ts'

/** Docker's kinds of static routes. */
const BY_NEXT_HOP = 0
const CONNECTED = 1

/** Nothing is remembered here: what a sandbox has is read from its endpoints. Call it one at a time for a sandbox. */
export async function join(ctx: DriverContext, { EndpointID, SandboxKey }: JoinRequest): Promise<object> {
  const endpoints = await listEndpoints(ctx.client, ctx.node)
  const endpoint = endpoints.find(({ spec }) => spec.endpoint === EndpointID)
  if (endpoint === undefined)
    throw new CalicoError('NOT_FOUND', `Cannot join ${SandboxKey}: there is no endpoint ${EndpointID} on ${ctx.node}`)
  const siblings = endpoints.filter(
    ({ metadata, spec }) => metadata.annotations?.[SANDBOX_ANNOTATION] === SandboxKey && spec.endpoint !== EndpointID,
  )
  const plan = planSandbox({
    pools: await poolsOf(ctx, endpoint),
    siblings: await Promise.all(
      siblings.map(async (each) => ({ nextHop: each.spec.ipv4Gateway, pools: await poolsOf(ctx, each) })),
    ),
    automatic: await automaticPools(ctx),
  })
  const versions = new Set((endpoint.spec.ipNetworks ?? []).map(ipVersion))
  await recordJoin(ctx, endpoint, { sandbox: SandboxKey, ...(versions.has(4) && { ipv4Gateway: plan.nextHop }) })
  const gateways: Ip[] = versions.has(4) ? [plan.nextHop] : []
  try {
    await makePair(ctx, endpoint, plan)
    if (versions.has(6)) gateways.push(await linkLocalOf(hostEnd(EndpointID)))
  } catch (err) {
    const host = hostEnd(EndpointID)
    await deleteLink(host).catch((cause: unknown) => ctx.log.warn('Cannot delete an interface', { host, err: cause }))
    throw err
  }
  return joinAnswer(containerEnd(EndpointID), {
    prefix: ctx.config.CALICO_LIBNETWORK_IFPREFIX,
    gateways,
    routes: plan.routes,
  })
}

async function poolsOf({ client }: DriverContext, { metadata }: WorkloadEndpointResource): Promise<readonly string[]> {
  const network = metadata.annotations?.[NETWORK_ANNOTATION]
  return network === undefined ? [] : ((await findNetwork(client, network))?.pools ?? [])
}

async function automaticPools({ client }: DriverContext): Promise<readonly Cidr[]> {
  return (await client.resources('IPPool').list())
    .filter(({ spec }) => spec.disabled !== true && spec.assignmentMode !== 'Manual')
    .map(({ spec }) => spec.cidr)
}

async function recordJoin(
  { client }: DriverContext,
  { metadata: { name } }: WorkloadEndpointResource,
  { sandbox, ...gateway }: { readonly sandbox: string; readonly ipv4Gateway?: SandboxPlan['nextHop'] },
): Promise<void> {
  await client.resources('WorkloadEndpoint').modify(name, NAMESPACE, (stored) => ({
    ...stored,
    metadata: { ...stored.metadata, annotations: { ...stored.metadata.annotations, [SANDBOX_ANNOTATION]: sandbox } },
    spec: { ...stored.spec, ...gateway },
  }))
}

async function makePair(
  { config }: DriverContext,
  { spec }: WorkloadEndpointResource,
  { mac }: SandboxPlan,
): Promise<void> {
  const [host, container] = [hostEnd(spec.endpoint), containerEnd(spec.endpoint)]
  const mtu = vethMtuBytes(config)
  await deleteLink(host) // of a join that died
  await addVeth(
    { name: host, mac },
    { name: container, ...(spec.mac !== undefined && { mac: spec.mac }) },
    mtu > 0 ? { mtuBytes: mtu } : {},
  )
  if ((spec.ipNetworks ?? []).some((net) => ipVersion(net) === 6))
    createSysctl().write(`net/ipv6/conf/${host}/accept_dad`, '0')
  for (const end of [host, container]) await setLink(end, { up: true }) // both, or the host's end gets no link-local address
}

interface JoinFacts {
  /** What Docker is to call the interface, before its number. */
  readonly prefix: string
  /** At most one a family. */
  readonly gateways: readonly Ip[]
  readonly routes: readonly Cidr[]
}

/** What Docker is told about an interface. Pure. */
export function joinAnswer(source: string, { prefix, gateways, routes }: JoinFacts): object {
  const gateway = (version: 4 | 6): Ip | undefined => gateways.find((ip) => ipVersion(ip) === version)
  const [four, six] = [gateway(4), gateway(6)]
  return {
    InterfaceName: { SrcName: source, DstPrefix: prefix },
    ...(four !== undefined && { Gateway: four }),
    ...(six !== undefined && { GatewayIPv6: six }),
    StaticRoutes: [
      ...gateways.map((ip) => ({ Destination: hostCidr(ip), RouteType: CONNECTED, NextHop: '' })),
      ...routes.flatMap((Destination) => {
        const NextHop = gateway(ipVersion(Destination))
        return NextHop === undefined ? [] : [{ Destination, RouteType: BY_NEXT_HOP, NextHop }]
      }),
    ],
  }
}
