/** Docker's network driver: an endpoint is a WorkloadEndpoint, joining a sandbox is a veth pair into it. */
import { deleteLink } from '@calico-node/linux'
import type { DriverContext } from './context.ts'
import { createEndpoint, deleteEndpoint, hostEnd } from './endpoints.ts'
import { join } from './join.ts'
import { forgetNetwork, saveNetwork } from './networks.ts'
import { assertNetworkOptions } from './refusals.ts'
import {
  EndpointReference,
  EndpointRequest,
  JoinRequest,
  method,
  NetworkReference,
  NetworkRequest,
  Nothing,
  type Methods,
} from './requests.ts'
import { Turns } from './turns.ts'

/** What Docker tells and Calico does not need to know. */
const IGNORED = [
  'AllocateNetwork',
  'FreeNetwork',
  'DiscoverNew',
  'DiscoverDelete',
  'ProgramExternalConnectivity',
  'RevokeExternalConnectivity',
]

/** What others may want to hear of. */
export interface NetworkEvents {
  /** Docker has begun a new life: it asks for this once. */
  readonly onActivate: () => void
  /** An endpoint is recorded. */
  readonly onEndpoint: (request: EndpointRequest) => void
}

export function networkMethods(ctx: DriverContext, { onActivate, onEndpoint }: NetworkEvents): Methods {
  const joins = new Turns() // two endpoints that join a sandbox at once must not choose the same next hop
  return new Map([
    method('Plugin.Activate', Nothing, async () => {
      onActivate()
      return { Implements: ['NetworkDriver'] }
    }),
    method('NetworkDriver.GetCapabilities', Nothing, async () => ({ Scope: ctx.config.CALICO_LIBNETWORK_SCOPE })),
    method('NetworkDriver.CreateNetwork', NetworkRequest, (request) => createNetwork(ctx, request)),
    method('NetworkDriver.DeleteNetwork', NetworkReference, async ({ NetworkID }) => {
      await forgetNetwork(ctx.client, NetworkID)
      return {}
    }),
    method('NetworkDriver.CreateEndpoint', EndpointRequest, async (request) => {
      const answer = await createEndpoint(ctx, request)
      onEndpoint(request)
      return answer
    }),
    method('NetworkDriver.DeleteEndpoint', EndpointReference, ({ EndpointID }) => deleteEndpoint(ctx, EndpointID)),
    method('NetworkDriver.Join', JoinRequest, (request) => joins.take(request.SandboxKey, () => join(ctx, request))),
    method('NetworkDriver.Leave', EndpointReference, async ({ EndpointID }) => {
      await deleteLink(hostEnd(EndpointID))
      return {}
    }),
    method('NetworkDriver.EndpointOperInfo', Nothing, async () => ({ Value: {} })),
    ...IGNORED.map((name) => method(`NetworkDriver.${name}`, Nothing, async () => ({}))),
  ])
}

async function createNetwork({ client, node, config }: DriverContext, request: NetworkRequest): Promise<object> {
  assertNetworkOptions(request)
  const pools = [...(request.IPv4Data ?? []), ...(request.IPv6Data ?? [])].map(({ Pool }) => Pool)
  await saveNetwork(client, { id: request.NetworkID, node, scope: config.CALICO_LIBNETWORK_SCOPE, pools })
  return {}
}
