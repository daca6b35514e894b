import type { CalicoClient } from '@calico-node/datastore'
import { decodeResource, resourcePrefix, workloadNamePrefix, type WorkloadEndpointResource } from '@calico-node/model'
import { endpointNameOf, type WorkloadId } from '@calico-node/workload'

/** All endpoints of a container or pod, read in one go: their names begin alike. */
export async function listContainerEndpoints(
  client: CalicoClient,
  id: WorkloadId & { readonly endpoint: string },
): Promise<readonly WorkloadEndpointResource[]> {
  const common = endpointNameOf({ ...id, endpoint: 'x' }).slice(0, -1)
  return listByNamePrefix(client, id.namespace, common)
}

/** All endpoints of a node in one namespace or in all, whatever made them. */
export async function listNodeEndpoints(
  client: CalicoClient,
  node: string,
): Promise<readonly WorkloadEndpointResource[]> {
  const all = await client.resources('WorkloadEndpoint').list()
  const prefix = workloadNamePrefix(node)
  return all.filter(({ metadata, spec }) => metadata.name.startsWith(prefix) && spec.node === node)
}

async function listByNamePrefix(
  { store }: CalicoClient,
  namespace: string,
  prefix: string,
): Promise<readonly WorkloadEndpointResource[]> {
  const { kvs } = await store.list(`${resourcePrefix('WorkloadEndpoint', namespace)}${prefix}`)
  return kvs.map((kv) => decodeResource('WorkloadEndpoint', kv.value, kv))
}
