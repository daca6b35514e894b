/**
 * A workload's network, from address to endpoint, as one step that succeeds or leaves nothing.
 *
 * The WorkloadEndpoint is written before the interface exists: creating it is the atomic claim that keeps two attempts for
 * one workload apart, Felix has its policy in place when the interface appears, and an attempt that dies half-way leaves a
 * record from which `removeWorkload` finds the rest.
 */
import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { Ipam } from '@calico-node/ipam'
import { deleteLink, isWorkloadDevice, WORKLOAD_PREFIX, type Netns } from '@calico-node/linux'
import { hostCidr, makeResource, type Ip, type Mac, type Resource, type SpecInput } from '@calico-node/model'
import { assignAddress, type AddressWish } from './addresses.ts'
import { chooseGateways, gatewayFields, type GatewayKind, type Gateways } from './gateways.ts'
import {
  endpointNameOf,
  endpointOf,
  handleOf,
  hostInterfaceOf,
  identityFields,
  randomMac,
  type WorkloadId,
} from './identity.ts'
import { undoneOnFailure } from './undo.ts'
import { connect } from './veth.ts'

export type WorkloadEndpoint = Resource<'WorkloadEndpoint'>

/** What the operations work with. */
export interface WorkloadContext {
  readonly client: CalicoClient
  readonly ipam: Ipam
  readonly log: Logger
}

/** What an endpoint may say beyond whose it is and how it is connected. */
export type ExtraSpec = Pick<
  SpecInput<'WorkloadEndpoint'>,
  'containerID' | 'ports' | 'ipNATs' | 'serviceAccountName' | 'allowSpoofedSourcePrefixes' | 'qosControls'
>

export interface AddWorkloadRequest extends WorkloadId {
  readonly netns: Netns
  /** Name of the interface in the workload: `eth1`. */
  readonly interfaceName: string
  /** Addresses to take from IPAM. */
  readonly ips: readonly AddressWish[]
  /** Addresses that somebody else has assigned: used as they are, never released here. Default none. */
  readonly assigned?: readonly Ip[]
  readonly gateway: GatewayKind
  readonly profiles: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  /** Further fields of the endpoint: named ports, floating addresses, service account, ... */
  readonly spec?: ExtraSpec
  /** Of the workload's end. Default: a random one. */
  readonly mac?: Mac
  readonly mtuBytes?: number
  /** Transmit and receive queues of both ends. Default 1. */
  readonly queues?: number
  /** Default: `cali` and the first 11 characters of the endpoint. */
  readonly hostInterface?: string
  /** IPAM handle. Default `<orchestrator>.<workload>`. */
  readonly handle?: string
  /** Attributes of the allocation beside `node` and `timestamp`. */
  readonly attributes?: Readonly<Record<string, string>>
  /** Labels of the namespace, for pools that select namespaces. */
  readonly namespaceLabels?: Readonly<Record<string, string>>
}

/**
 * Gives a workload addresses, an interface and default routes, and records its endpoint. When anything fails everything is
 * taken back, the last step first.
 *
 * @throws ALREADY_EXISTS when the workload is connected already, its namespace has an interface of that name, or a given
 *   address is taken; INVALID for an address outside every pool; EXHAUSTED; NOT_FOUND when the host has no address for a
 *   gateway; COMMAND_FAILED
 */
export async function addWorkload(ctx: WorkloadContext, request: AddWorkloadRequest): Promise<WorkloadEndpoint> {
  const { node, namespace, netns, interfaceName, mtuBytes, queues, gateway, ips: wishes, assigned = [] } = request
  const { handle = handleOf(request), mac = randomMac() } = request
  if (wishes.length + assigned.length === 0)
    throw new CalicoError('INVALID', `Cannot connect ${request.workload}: no address is asked for`)
  await assertUnconnected(ctx, request)
  return undoneOnFailure(ctx.log, async (undo) => {
    const ips: Ip[] = [...assigned]
    for (const wish of wishes) ips.push(await assignAddress(ctx.ipam, { ...request, wish, handle }, undo))
    const gateways = await chooseGateways(ctx.client, { node, gateway, ips })
    const endpoints = ctx.client.resources('WorkloadEndpoint')
    const endpoint = await endpoints.create(endpointResource(request, { ips, gateways, mac }))
    undo.push(`delete endpoint ${endpoint.metadata.name}`, () => endpoints.delete(endpoint.metadata.name, namespace))
    const hostInterface = endpoint.spec.interfaceName
    await connect({ hostInterface, netns, interfaceName, mac, mtuBytes, queues }, { ips, gateways }, undo)
    return endpoint
  })
}

async function assertUnconnected(ctx: WorkloadContext, id: WorkloadId): Promise<void> {
  const [present] = await findEndpoints(ctx.client, id)
  if (present === undefined) return
  const context = { endpoint: present.metadata.name }
  throw new CalicoError('ALREADY_EXISTS', `Cannot connect ${id.workload}: it has an endpoint already`, { context })
}

function endpointResource(
  request: AddWorkloadRequest,
  { ips, gateways, mac }: { ips: readonly Ip[]; gateways: Gateways; mac: Mac },
): WorkloadEndpoint {
  const { namespace, labels, profiles, spec, hostInterface = hostInterfaceOf(endpointOf(request)) } = request
  return makeResource(
    'WorkloadEndpoint',
    { name: endpointNameOf(request), namespace, ...(labels !== undefined && { labels }) },
    {
      ...spec,
      ...identityFields(request),
      ipNetworks: ips.map((ip) => hostCidr(ip)),
      ...gatewayFields(gateways),
      profiles: [...profiles],
      interfaceName: hostInterface,
      mac,
    },
  )
}

/**
 * The endpoints of the workload on its node: the one that the identity names, or all of them when it names none.
 */
export async function findEndpoints(client: CalicoClient, id: WorkloadId): Promise<WorkloadEndpoint[]> {
  const endpoints = client.resources('WorkloadEndpoint')
  if (id.endpoint !== undefined) {
    const found = await endpoints.find(endpointNameOf(id), id.namespace)
    return found === undefined ? [] : [found]
  }
  const all = await endpoints.list({ namespace: id.namespace })
  const fields = Object.entries(identityFields(id)).filter(([key]) => key !== 'endpoint')
  return all.filter(({ spec }) => fields.every(([key, value]) => Reflect.get(spec, key) === value))
}

export interface RemovedWorkload {
  /** Names of the endpoints that were deleted. */
  readonly endpoints: readonly string[]
  readonly ips: readonly Ip[]
}

export interface RemoveOptions {
  /** IPAM handle; undefined: the addresses are somebody else's to release. Default `<orchestrator>.<workload>`. */
  readonly handle?: string | undefined
  /** Of an endpoint that is not in the store (any more). Default: `cali` and the first 11 characters of the endpoint. */
  readonly hostInterface?: string
}

/**
 * Takes a workload's network away: interface, endpoint, addresses. Idempotent, and finishes what an attempt to add or to
 * remove the workload left behind. The addresses go last, when nobody can use them any more.
 */
export async function removeWorkload(
  ctx: WorkloadContext,
  id: WorkloadId,
  opts: RemoveOptions = {},
): Promise<RemovedWorkload> {
  const { handle, hostInterface = hostInterfaceOf(endpointOf(id)) } = { handle: handleOf(id), ...opts }
  const present = await findEndpoints(ctx.client, id)
  const links = present.length > 0 ? present.map(({ spec }) => spec.interfaceName) : [hostInterface]
  for (const link of links) if (isWorkloadDevice(link, [WORKLOAD_PREFIX])) await deleteLink(link)
  for (const { metadata } of present) {
    await absentIsFine(ctx.client.resources('WorkloadEndpoint').delete(metadata.name, id.namespace))
  }
  const ips = handle === undefined ? [] : await absentIsFine(ctx.ipam.releaseByHandle(handle))
  return { endpoints: present.map(({ metadata }) => metadata.name), ips: ips ?? [] }
}

async function absentIsFine<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (err) {
    if (hasCode(err, 'NOT_FOUND')) return undefined
    throw err
  }
}
