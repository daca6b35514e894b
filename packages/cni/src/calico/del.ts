import { deleteLink } from '@calico-node/linux'
import { endpointNameOf, removeWorkload } from '@calico-node/workload'
import { existsSync } from 'node:fs'
import { attachmentOf } from '../identity.ts'
import type { Session } from '../session.ts'
import { ipamDel } from './delegate.ts'

/**
 * DEL: interface, endpoint, addresses, in this order, so that an address is free only when nobody can use it any more.
 * Whatever is gone already is fine, the namespace included. A pod's endpoint may be a later container's: then it stays.
 */
export async function del(session: Session): Promise<void> {
  const { client, request, node, log } = session
  const { id, hostInterface } = attachmentOf(request, node)
  const known = await client.resources('WorkloadEndpoint').find(endpointNameOf(id), id.namespace)
  const owner = known?.spec.containerID ?? request.containerId
  if (owner === request.containerId) await removeWorkload(session, id, { handle: undefined, hostInterface })
  else log.info("The endpoint is another container's and stays", { endpoint: endpointNameOf(id), owner })
  if (request.netns !== undefined && existsSync(request.netns)) {
    await deleteLink(request.ifname, { netns: { path: request.netns } })
  }
  await ipamDel(session)
}
