/** The endpoints of containers: one WorkloadEndpoint for each of Docker's, from which everything else is found again. */
import { CalicoError } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import {
  decodeResource,
  findMac,
  hostCidr,
  makeResource,
  parseIpInterface,
  resourcePrefix,
  workloadNamePrefix,
  type NodeName,
  type WorkloadEndpointResource,
} from '@calico-node/model'
import { endpointNameOf, hostInterfaceOf, randomMac, removeWorkload, type WorkloadId } from '@calico-node/workload'
import type { DriverContext } from './context.ts'
import { ensureProfile, networkName } from './networks.ts'
import { assertEndpointOptions } from './refusals.ts'
import type { EndpointRequest } from './requests.ts'

export const NAMESPACE = 'libnetwork'

/** Which of the container's namespaces the endpoint has joined. */
export const SANDBOX_ANNOTATION = 'libnetwork.projectcalico.org/sandbox'
/** Docker's identifier of the endpoint's network. */
export const NETWORK_ANNOTATION = 'libnetwork.projectcalico.org/network'

export const idOf = (node: NodeName, endpoint: string): WorkloadId & { readonly endpoint: string } => ({
  node,
  orchestrator: 'libnetwork',
  workload: 'libnetwork',
  namespace: NAMESPACE,
  endpoint,
})

export const hostEnd = (endpoint: string): string => hostInterfaceOf(endpoint)
/** Name of the container's end until Docker moves it. */
export const containerEnd = (endpoint: string): string => `temp${endpoint.slice(0, 11)}`

/** The endpoints of the node's containers. */
export async function listEndpoints(
  { store }: Pick<CalicoClient, 'store'>,
  node: NodeName,
): Promise<readonly WorkloadEndpointResource[]> {
  const prefix = `${resourcePrefix('WorkloadEndpoint', NAMESPACE)}${workloadNamePrefix(node)}`
  const all = (await store.list(prefix)).kvs.map((kv) => decodeResource('WorkloadEndpoint', kv.value, kv))
  return all.filter(({ spec }) => spec.node === node && spec.orchestrator === 'libnetwork')
}

/** Records an endpoint. Docker asks again when an answer was lost, so it may be there already. */
export async function createEndpoint(ctx: DriverContext, request: EndpointRequest): Promise<object> {
  assertEndpointOptions(request)
  const { NetworkID, EndpointID, Interface } = request
  const given = [Interface?.Address ?? '', Interface?.AddressIPv6 ?? ''].filter((each) => each !== '')
  const ips = given.map((each) => parseIpInterface(each).ip)
  if (ips.length === 0) throw new CalicoError('INVALID', `Cannot create endpoint ${EndpointID}: it has no address`)
  const profile = await ensureProfile(ctx, await networkName(ctx, NetworkID))
  for (const ip of ips) await ctx.addresses.keep(ip)
  const { namespace, ...identity } = idOf(ctx.node, EndpointID)
  const asked = findMac(Interface?.MacAddress ?? '')
  const mac = asked ?? randomMac()
  await ctx.client.resources('WorkloadEndpoint').apply(
    makeResource(
      'WorkloadEndpoint',
      {
        name: endpointNameOf({ ...identity, namespace }),
        namespace,
        annotations: { [NETWORK_ANNOTATION]: NetworkID },
      },
      {
        ...identity,
        ipNetworks: ips.map((ip) => hostCidr(ip)),
        profiles: [profile],
        interfaceName: hostEnd(EndpointID),
        mac,
      },
    ),
  )
  return { Interface: asked === undefined ? { MacAddress: mac } : {} } // Docker takes no answer to what it said itself
}

export async function deleteEndpoint(ctx: DriverContext, endpoint: string): Promise<object> {
  await removeWorkload(ctx, idOf(ctx.node, endpoint), { handle: undefined })
  return {}
}
