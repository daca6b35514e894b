/**
 * Docker's network driver: an endpoint is a WorkloadEndpoint, joining a sandbox is a veth pair into it.
 *
 * A container may be on several networks. Each of its endpoints gets a next hop of its own, 169.254.1.n, because Docker
 * refuses a second route to the same one; the host answers for all of them. Nothing is remembered here: which next hops a
 * sandbox uses is read from its endpoints.
 */
import { z } from 'zod'
import { CalicoError } from '@calico-node/core'
import { addVeth, createSysctl, deleteLink, findLink, setLink } from '@calico-node/linux'
import { findMac, hostCidr, ipVersion, makeResource, parseIpInterface, parseIpv4, type Ipv4 } from '@calico-node/model'
import { endpointNameOf, HOST_MAC, linkLocalOf, removeWorkload } from '@calico-node/workload'
import type { DriverContext } from './context.ts'
import { containerEnd, hostEnd, idOf, listEndpoints, NAMESPACE, SANDBOX_ANNOTATION } from './endpoints.ts'
import { copyLabels } from './labels.ts'
import { ensureProfile, forgetNetwork, networkName, saveNetwork } from './networks.ts'
import type { Methods } from './plugin-server.ts'

const text = z.string().default('')
const Data = z.object({ AddressSpace: text, Gateway: text, Pool: text })
const NetworkRequest = z.object({
  NetworkID: z.string(),
  Options: z.record(z.string(), z.unknown()).nullish(),
  IPv4Data: z.array(Data).nullish(),
  IPv6Data: z.array(Data).nullish(),
})
const EndpointRequest = z.object({
  NetworkID: z.string(),
  EndpointID: z.string(),
  SandboxKey: text,
  Interface: z.object({ Address: text, AddressIPv6: text, MacAddress: text }).nullish(),
})
type EndpointRequest = z.output<typeof EndpointRequest>

const nothing = async (): Promise<object> => ({})

export function networkMethods(ctx: DriverContext): Methods {
  const joins = new Turns()
  return new Map<string, (request: unknown) => Promise<object>>([
    ['Plugin.Activate', async () => ({ Implements: ['NetworkDriver'] })],
    ['NetworkDriver.GetCapabilities', async () => ({ Scope: ctx.config.CALICO_LIBNETWORK_SCOPE })],
    ['NetworkDriver.CreateNetwork', (request) => createNetwork(ctx, NetworkRequest.parse(request))],
    [
      'NetworkDriver.DeleteNetwork',
      async (request) => {
        await forgetNetwork(ctx, NetworkRequest.parse(request).NetworkID)
        return {}
      },
    ],
    ['NetworkDriver.CreateEndpoint', (request) => createEndpoint(ctx, EndpointRequest.parse(request))],
    ['NetworkDriver.DeleteEndpoint', (request) => deleteEndpoint(ctx, EndpointRequest.parse(request))],
    ['NetworkDriver.Join', (request) => joins.take(() => join(ctx, EndpointRequest.parse(request)))],
    [
      'NetworkDriver.Leave',
      async (request) => {
        await deleteLink(hostEnd(EndpointRequest.parse(request).EndpointID))
        return {}
      },
    ],
    ['NetworkDriver.EndpointOperInfo', async () => ({ Value: {} })],
    ...[
      'AllocateNetwork',
      'FreeNetwork',
      'DiscoverNew',
      'DiscoverDelete',
      'ProgramExternalConnectivity',
      'RevokeExternalConnectivity',
    ].map((method) => [`NetworkDriver.${method}`, nothing] as const),
  ])
}

/** One at a time: two endpoints that join a sandbox at once must not choose the same next hop. */
class Turns {
  #last: Promise<unknown> = Promise.resolve()
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

const KNOWN_OPTIONS: ReadonlySet<string> = new Set(['com.docker.network.enable_ipv6', 'com.docker.network.generic'])

async function createNetwork(ctx: DriverContext, request: z.output<typeof NetworkRequest>): Promise<object> {
  const { NetworkID: id, Options, IPv4Data, IPv6Data } = request
  const generic = Options?.['com.docker.network.generic']
  const flags = [
    ...Object.entries(Options ?? {}).flatMap(([key, value]) =>
      KNOWN_OPTIONS.has(key) || value === false ? [] : [key],
    ),
    ...(typeof generic === 'object' && generic !== null ? Object.keys(generic) : []),
  ]
  if (flags.length > 0)
    throw new CalicoError('UNSUPPORTED', `Calico driver does not support the flag ${flags.join(', ')}`)
  const data = [...(IPv4Data ?? []), ...(IPv6Data ?? [])]
  if (data.some(({ Gateway }) => Gateway !== '0.0.0.0/0' && Gateway !== '::/0')) {
    throw new CalicoError(
      'INVALID',
      'Non-Calico IPAM driver is used: create the network with --ipam-driver calico-ipam',
    )
  }
  await saveNetwork(ctx, { id, pools: data.map(({ Pool }) => Pool) })
  return {}
}

async function createEndpoint(
  ctx: DriverContext,
  { NetworkID, EndpointID, Interface }: EndpointRequest,
): Promise<object> {
  const addresses = [Interface?.Address ?? '', Interface?.AddressIPv6 ?? ''].filter((each) => each !== '')
  if (addresses.length === 0)
    throw new CalicoError('INVALID', `Cannot create endpoint ${EndpointID}: it has no address`)
  const profile = await ensureProfile(ctx, await networkName(ctx, NetworkID))
  const id = idOf(ctx.node, EndpointID)
  const mac = findMac(Interface?.MacAddress ?? '')
  const { node, orchestrator, workload, endpoint } = id
  const resource = makeResource(
    'WorkloadEndpoint',
    { name: endpointNameOf(id), namespace: NAMESPACE },
    {
      node,
      orchestrator,
      workload,
      endpoint,
      ipNetworks: addresses.map((each) => hostCidr(parseIpInterface(each).ip)),
      profiles: [profile],
      interfaceName: hostEnd(EndpointID),
      ...(mac !== undefined && { mac }),
    },
  )
  await ctx.client.resources('WorkloadEndpoint').create(resource)
  if (ctx.config.CALICO_LIBNETWORK_LABEL_ENDPOINTS) void copyLabels(ctx, { network: NetworkID, endpoint: EndpointID })
  return { Interface: {} }
}

async function deleteEndpoint(ctx: DriverContext, { EndpointID }: EndpointRequest): Promise<object> {
  await removeWorkload(ctx, idOf(ctx.node, EndpointID), { handle: undefined })
  return {}
}

async function join(ctx: DriverContext, { EndpointID, SandboxKey }: EndpointRequest): Promise<object> {
  const [host, container] = [hostEnd(EndpointID), containerEnd(EndpointID)]
  const name = endpointNameOf(idOf(ctx.node, EndpointID))
  const endpoint = await ctx.client.resources('WorkloadEndpoint').get(name, NAMESPACE)
  const versions = new Set((endpoint.spec.ipNetworks ?? []).map(ipVersion))
  const nextHop = await freeNextHop(ctx, SandboxKey)
  await deleteLink(host) // of a join that died
  try {
    const mtu = ctx.config.CALICO_LIBNETWORK_VETH_MTU
    await addVeth({ name: host, mac: HOST_MAC }, { name: container }, mtu > 0 ? { mtuBytes: mtu } : {})
    if (versions.has(6)) createSysctl().write(`net/ipv6/conf/${host}/accept_dad`, '0')
    for (const end of [host, container]) await setLink(end, { up: true }) // both, or the host's end gets no link-local address
    const mac = endpoint.spec.mac ?? (await findLink(container))?.mac
    await ctx.client.resources('WorkloadEndpoint').modify(name, NAMESPACE, (stored) => ({
      ...stored,
      metadata: {
        ...stored.metadata,
        annotations: { ...stored.metadata.annotations, [SANDBOX_ANNOTATION]: SandboxKey },
      },
      spec: { ...stored.spec, ...(mac && { mac }), ...(versions.has(4) && { ipv4Gateway: nextHop }) },
    }))
    const gateway6 = versions.has(6) ? await linkLocalOf(host) : undefined
    const direct = (Destination: string): object => ({ Destination, RouteType: 1, NextHop: '' })
    return {
      InterfaceName: { SrcName: container, DstPrefix: ctx.config.CALICO_LIBNETWORK_IFPREFIX },
      ...(versions.has(4) && { Gateway: nextHop }),
      ...(gateway6 !== undefined && { GatewayIPv6: gateway6 }),
      StaticRoutes: [
        ...(versions.has(4) ? [direct(hostCidr(nextHop))] : []),
        ...(gateway6 === undefined ? [] : [direct(hostCidr(gateway6))]),
      ],
    }
  } catch (err) {
    await deleteLink(host).catch((cause: unknown) => ctx.log.warn('Cannot delete an interface', { host, err: cause }))
    throw err
  }
}

/** The first of 169.254.1.1, .2, ... that no other endpoint of the sandbox has. */
async function freeNextHop({ client, node }: DriverContext, sandbox: string): Promise<Ipv4> {
  const inSandbox = (await listEndpoints(client, node)).filter(
    ({ metadata }) => metadata.annotations?.[SANDBOX_ANNOTATION] === sandbox,
  )
  const taken = new Set<string | undefined>(inSandbox.map(({ spec }) => spec.ipv4Gateway))
  for (let n = 1; n < 255; n++) {
    const ip = parseIpv4(`169.254.1.${n}`)
    if (!taken.has(ip)) return ip
  }
  throw new CalicoError('EXHAUSTED', `Cannot join ${sandbox}: it is on too many networks`)
}
