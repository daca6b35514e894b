/** Giving a connected workload one more address, or taking one away. */
import { CalicoError } from '@calico-node/core'
import { listDeviceRoutes, putRoutesBack, removeAddress, type Netns } from '@calico-node/linux'
import { hostCidr, ipVersion, type Cidr, type Ip } from '@calico-node/model'
import { assignAddress, type AddressWish } from './addresses.ts'
import { chooseGateways, gatewayFields, type GatewayKind } from './gateways.ts'
import { handleOf, type WorkloadId } from './identity.ts'
import { undoneOnFailure } from './undo.ts'
import { enableIpv6, findWorkloadInterface, giveAddress, giveGateway, hostAddress } from './veth.ts'
import { findEndpoints, type WorkloadContext, type WorkloadEndpoint } from './workload.ts'

interface AddressChange extends WorkloadId {
  readonly netns: Netns
  /** IPAM handle. Default `<orchestrator>.<workload>`. */
  readonly handle?: string
}

export interface AddIpRequest extends AddressChange {
  readonly ip: AddressWish
  /** For the first address of an IP version. */
  readonly gateway: GatewayKind
}

export interface RemoveIpRequest extends AddressChange {
  readonly ip: Ip
}

/**
 * Adds one address to the only endpoint of a workload: in IPAM, in the endpoint, on the interface. All or nothing.
 *
 * @returns The endpoint and the address.
 * @throws NOT_FOUND when the workload is not connected, and whatever assigning an address throws
 */
export async function addIp(
  ctx: WorkloadContext,
  request: AddIpRequest,
): Promise<{ endpoint: WorkloadEndpoint; ip: Ip }> {
  const { node, netns, gateway, handle = handleOf(request) } = request
  const before = await getEndpoint(ctx, request)
  const { ipv4Gateway, ipv6Gateway } = before.spec
  const interfaceName = await findWorkloadInterface(netns, before.spec.mac)
  return undoneOnFailure(ctx.log, async (undo) => {
    const ip = await assignAddress(ctx.ipam, { wish: request.ip, node, handle }, undo)
    const net = hostCidr(ip)
    const version = ipVersion(ip)
    const isFirst = !(before.spec.ipNetworks ?? []).some((net) => ipVersion(net) === version)
    const gateways = await chooseGateways(ctx.client, { node, gateway, ips: isFirst ? [ip] : [] })
    const endpoint = await changeSpec(ctx, before, (nets) => ({
      ...gatewayFields(gateways),
      ipNetworks: [...nets, net],
    }))
    undo.push(`take ${ip} out of the endpoint`, () =>
      changeSpec(ctx, before, (nets) => ({ ipv4Gateway, ipv6Gateway, ipNetworks: without(nets, net) })),
    )
    const link = { hostInterface: before.spec.interfaceName, netns, interfaceName }
    if (isFirst && version === 6) await enableIpv6(link)
    await giveAddress(link, ip)
    undo.push(`take ${ip} off ${interfaceName}`, () => removeAddress(interfaceName, hostAddress(ip), { netns }))
    for (const [of, via] of gateways) await giveGateway(link, { version: of, gateway: via }, undo)
    return { endpoint, ip }
  })
}

/**
 * Takes one address away: from the endpoint, off the interface, and back to IPAM. All or nothing.
 *
 * @throws NOT_FOUND when the workload is not connected or has no such address
 */
export async function removeIp(ctx: WorkloadContext, request: RemoveIpRequest): Promise<WorkloadEndpoint> {
  const { ip, netns, handle = handleOf(request) } = request
  const before = await getEndpoint(ctx, request)
  const net = hostCidr(ip)
  if (!(before.spec.ipNetworks ?? []).includes(net)) {
    throw new CalicoError('NOT_FOUND', `Cannot remove ${ip} from ${request.workload}: the workload does not have it`)
  }
  const interfaceName = await findWorkloadInterface(netns, before.spec.mac)
  return undoneOnFailure(ctx.log, async (undo) => {
    const endpoint = await changeSpec(ctx, before, (nets) => ({ ipNetworks: without(nets, net) }))
    undo.push(`put ${ip} back into the endpoint`, () =>
      changeSpec(ctx, before, (nets) => ({ ipNetworks: [...nets, net] })),
    )
    const routes = await listDeviceRoutes(interfaceName, ipVersion(ip), { netns })
    undo.push(`put ${ip} back on ${interfaceName}`, async () => {
      await giveAddress({ netns, interfaceName }, ip)
      await putRoutesBack(routes, { netns })
    })
    await removeAddress(interfaceName, hostAddress(ip), { netns })
    await ctx.ipam.releaseIps([{ ip, handle }])
    return endpoint
  })
}

/** @throws NOT_FOUND; INVALID when there are several and the identity names none */
async function getEndpoint(ctx: WorkloadContext, id: WorkloadId): Promise<WorkloadEndpoint> {
  const [endpoint, another] = await findEndpoints(ctx.client, id)
  if (endpoint === undefined)
    throw new CalicoError('NOT_FOUND', `Cannot change ${id.workload}: it has no endpoint on ${id.node}`)
  if (another === undefined) return endpoint
  throw new CalicoError('INVALID', `Cannot change ${id.workload}: it has several endpoints and none is named`)
}

const without = (nets: readonly Cidr[], gone: Cidr): Cidr[] => nets.filter((net) => net !== gone)

type Change = Partial<Pick<WorkloadEndpoint['spec'], 'ipNetworks' | 'ipv4Gateway' | 'ipv6Gateway'>>

async function changeSpec(
  { client }: WorkloadContext,
  endpoint: WorkloadEndpoint,
  change: (nets: readonly Cidr[]) => Change,
): Promise<WorkloadEndpoint> {
  const { name, namespace } = endpoint.metadata
  const changed = await client
    .resources('WorkloadEndpoint')
    .modify(name, namespace, ({ spec, ...head }) => ({ ...head, spec: { ...spec, ...change(spec.ipNetworks ?? []) } }))
  return changed ?? endpoint
}
