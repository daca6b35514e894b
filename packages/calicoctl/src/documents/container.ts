/** What the container commands share: who the workload is, where it runs, and what may be done to it now. */
import { CalicoError } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { NodeName, WorkloadEndpointResource } from '@calico-node/model'
import type { WorkloadContext, WorkloadId } from '@calico-node/workload'
import type { Context } from '../cli/context.ts'
import { dockerSocket } from '../host/docker.ts'
import { localNodeName } from '../host/node-name.ts'
import { possibleWorkloads, resolveTarget, type Target, type TargetOptions } from '../host/target.ts'
import { DEFAULT_NAMESPACE } from '../resources/namespace.ts'
import { writableClient } from '../resources/session.ts'
import { findEndpoints } from './endpoints.ts'

const targetOptions = ({ env }: Context): TargetOptions => ({ dockerSocket: dockerSocket(env) })

/** Network namespaces and links are root's business. @throws FORBIDDEN */
export function requireRoot(): void {
  if (process.geteuid?.() !== 0) throw new CalicoError('FORBIDDEN', 'This command must be run as root.')
}

export interface LocalTarget extends Target {
  readonly id: WorkloadId
}

/** The container as it runs on this host. */
export async function localTarget(context: Context, name: string): Promise<LocalTarget> {
  const target = await resolveTarget(name, targetOptions(context))
  const { orchestrator, workload } = target
  return { ...target, id: { node: localNodeName(context.env), orchestrator, workload, namespace: DEFAULT_NAMESPACE } }
}

/** @throws UNSUPPORTED while the datastore is locked */
export async function workloadContext(context: Context): Promise<WorkloadContext> {
  const client = await writableClient(context)
  const cluster = await client.resources('ClusterInformation').find('default')
  if (cluster?.spec.datastoreReady === false) {
    throw new CalicoError(
      'UNSUPPORTED',
      'The datastore is locked: wait until the migration ends, or use "calicoctl datastore migrate unlock"',
    )
  }
  return { client, ipam: await context.ipam(), log: context.log }
}

/**
 * What default routes lead to: this host's address. In policy-only mode hosts have none that Calico knows; routes
 * then lead to the link itself.
 */
export async function gatewayKind(client: CalicoClient, node: NodeName): Promise<'host-address' | 'link-local'> {
  const found = await client.resources('Node').find(node)
  if (found === undefined) {
    throw new CalicoError(
      'NOT_FOUND',
      `Node "${node}" is not set up: start calico/node on this host first, or say who it is with NODENAME`,
    )
  }
  return found.spec.bgp === undefined ? 'link-local' : 'host-address'
}

/** Endpoints of a container that may be gone by now. */
export async function endpointsOf(
  context: Context,
  client: CalicoClient,
  name: string,
): Promise<WorkloadEndpointResource[]> {
  const node = localNodeName(context.env)
  for (const identity of await possibleWorkloads(name, targetOptions(context))) {
    const found = await findEndpoints(client, { node, ...identity })
    if (found.length > 0) return found
  }
  return []
}
