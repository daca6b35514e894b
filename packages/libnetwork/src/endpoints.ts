/** The endpoints of containers: one WorkloadEndpoint for each of Docker's, from which everything else is found again. */
import {
  resourcePrefix,
  decodeResource,
  workloadNamePrefix,
  type NodeName,
  type WorkloadEndpointResource,
} from '@calico-node/model'
import { hostInterfaceOf, type WorkloadId } from '@calico-node/workload'
import type { CalicoClient } from '@calico-node/datastore'

export const NAMESPACE = 'libnetwork'

/** Which of the container's namespaces the endpoint has joined. */
export const SANDBOX_ANNOTATION = 'libnetwork.projectcalico.org/sandbox'

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

export async function listEndpoints(
  { store }: CalicoClient,
  node: NodeName,
): Promise<readonly WorkloadEndpointResource[]> {
  const prefix = `${resourcePrefix('WorkloadEndpoint', NAMESPACE)}${workloadNamePrefix(node)}`
  const all = (await store.list(prefix)).kvs.map((kv) => decodeResource('WorkloadEndpoint', kv.value, kv))
  return all.filter(({ spec }) => spec.node === node && spec.orchestrator === 'libnetwork')
}
