import { HANDLE_PREFIX, findHandleKey, cidrBase, type WorkloadEndpointResource } from '@calico-node/model'
import { removeWorkload, type WorkloadId } from '@calico-node/workload'
import { listNodeEndpoints } from '../endpoints.ts'
import { CNI_CODE, CniError, toCniError } from '../protocol/error.ts'
import { isObject, type JsonObject } from '../protocol/request.ts'
import type { Session } from '../session.ts'
import { findDelegate, ipamMaintain } from './delegate.ts'
import { networkProfile } from './profile.ts'

/**
 * GC: removes what this node has on the network beyond the attachments that the runtime still knows: endpoints with their
 * interfaces, then addresses. One that cannot be removed does not keep the others.
 *
 * @throws CniError naming what could not be removed
 */
export async function collectGarbage(session: Session): Promise<void> {
  const valid = validAttachments(session.request.config)
  const failures: string[] = []
  const attempt = async (what: string, work: Promise<unknown>): Promise<void> => {
    await work.catch((err: unknown) => failures.push(`${what}: ${toCniError(err).message}`))
  }
  const handles = await listHandles(session)
  for (const endpoint of await listNodeEndpoints(session.client, session.node)) {
    const { containerID = '', endpoint: ifname } = endpoint.spec
    if (valid.has(`${containerID}/${ifname}`) || !isOfNetwork(session, endpoint, handles)) continue
    await attempt(endpoint.metadata.name, removeEndpoint(session, endpoint))
  }
  const containers = new Set([...valid].map((attachment) => attachment.slice(0, attachment.indexOf('/'))))
  for (const [handle, containerId] of handles) {
    if (!containers.has(containerId)) await attempt(handle, releaseHere(session, handle))
  }
  await attempt(session.conf.ipam.type, ipamMaintain(session, 'GC'))
  if (failures.length === 0) return
  throw new CniError(CNI_CODE.plugin, `cannot remove ${failures.length} leftover(s)`, { details: failures.join('; ') })
}

/** `<container>/<interface>` of each attachment that is to stay. @throws CniError when there is no list: that is not none */
function validAttachments(config: JsonObject): ReadonlySet<string> {
  const list = config['cni.dev/valid-attachments'] ?? config['cni.dev/attachments']
  if (!Array.isArray(list)) throw new CniError(CNI_CODE.invalidConfig, 'GC needs the list cni.dev/valid-attachments')
  return new Set(list.filter(isObject).map(({ containerID, ifname }) => `${String(containerID)}/${String(ifname)}`))
}

/** The handles of the network, with the containers that they are for; anywhere in the cluster. */
async function listHandles({ client, request, conf }: Session): Promise<ReadonlyMap<string, string>> {
  if (!findDelegate({ request, conf }).isOurs) return new Map()
  const prefix = `${request.network}.`
  const { kvs } = await client.store.list(`${HANDLE_PREFIX}${prefix}`)
  const entries = kvs.map(({ key }) => findHandleKey(key) ?? '').map((id) => [id, id.slice(prefix.length)] as const)
  return new Map(entries.filter(([, containerId]) => containerId !== '' && !containerId.includes('.')))
}

function isOfNetwork(
  { request }: Session,
  { spec }: WorkloadEndpointResource,
  handles: ReadonlyMap<string, string>,
): boolean {
  if (spec.orchestrator === 'k8s') return handles.has(`${request.network}.${spec.containerID ?? ''}`)
  return spec.orchestrator === 'cni' && (spec.profiles ?? []).some((name) => name === networkProfile(request.network))
}

async function removeEndpoint(session: Session, { metadata, spec }: WorkloadEndpointResource): Promise<void> {
  const { node, ipam, request } = session
  const { containerID, endpoint, orchestrator, pod } = spec
  const workload = orchestrator === 'k8s' ? pod : containerID
  const id: WorkloadId = {
    node,
    orchestrator,
    namespace: metadata.namespace ?? 'default',
    workload: workload ?? '',
    endpoint,
  }
  await removeWorkload(session, id, { handle: undefined })
  const handle = `${request.network}.${containerID ?? ''}`
  const held = new Set(await ipam.ipsByHandle(handle))
  const ips = (spec.ipNetworks ?? []).map((net) => cidrBase(net)).filter((ip) => held.has(ip))
  await ipam.releaseIps(ips.map((ip) => ({ ip, handle })))
}

/** Releases what a handle holds on this node. */
async function releaseHere({ ipam, node }: Session, handle: string): Promise<void> {
  for (const ip of await ipam.ipsByHandle(handle)) {
    const holder = await ipam.findHolder(ip)
    if (holder?.attributes['node'] === node) await ipam.releaseIps([{ ip, handle }])
  }
}
