import { waitFor } from '@calico-node/core'
import { isLabelKey, isLabelValue } from '@calico-node/model'
import { endpointNameOf } from '@calico-node/workload'
import type { DriverContext } from './context.ts'
import { idOf, NAMESPACE } from './endpoints.ts'

const PREFIX = 'org.projectcalico.label.'

/** What Docker shows in place of a container that it does not know yet. */
const isPlaceholder = (id: string): boolean => id.startsWith('ep-')

/**
 * Gives an endpoint the Calico labels of its container. Docker knows which container that is only some time after it has
 * asked for the endpoint, so this goes on in the background.
 *
 * @throws TIMED_OUT, NOT_FOUND, ...: the container is gone, or the time was too short
 */
export async function copyLabels(
  ctx: DriverContext,
  { network, endpoint }: { readonly network: string; readonly endpoint: string },
): Promise<void> {
  const { docker, config } = ctx
  const container = await waitFor(
    `Docker to show the container of endpoint ${endpoint}`,
    async () => {
      const { Containers } = await docker.network(network)
      return Object.entries(Containers ?? {}).find(
        ([id, { EndpointID }]) => EndpointID === endpoint && !isPlaceholder(id),
      )?.[0]
    },
    { deadlineMs: config.CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT },
  )
  await giveLabels(ctx, endpoint, calicoLabels(await docker.containerLabels(container)))
}

/** Adds labels to an endpoint; writes nothing when it has them. @throws NOT_FOUND */
export async function giveLabels(
  { client, node, log }: DriverContext,
  endpoint: string,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  const name = endpointNameOf(idOf(node, endpoint))
  await client.resources('WorkloadEndpoint').modify(name, NAMESPACE, (stored) => {
    if (Object.entries(labels).every(([key, value]) => stored.metadata.labels?.[key] === value)) return undefined
    return { ...stored, metadata: { ...stored.metadata, labels: { ...stored.metadata.labels, ...labels } } }
  })
  log.debug('The endpoint has the labels of its container', { endpoint, labels })
}

/** Those with our prefix, without it; what is no label of Calico's is left out. Pure. */
export const calicoLabels = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => key.startsWith(PREFIX))
      .map(([key, value]) => [key.slice(PREFIX.length), value] as const)
      .filter(([key, value]) => isLabelKey(key) && isLabelValue(value)),
  )
