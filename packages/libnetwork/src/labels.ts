import { messageOf, waitFor } from '@calico-node/core'
import { isLabelKey, isLabelValue } from '@calico-node/model'
import { endpointNameOf } from '@calico-node/workload'
import type { DriverContext } from './context.ts'
import { idOf, NAMESPACE } from './endpoints.ts'

const PREFIX = 'org.projectcalico.label.'

/** What Docker shows in place of a container that it does not know yet. */
const isPlaceholder = (id: string): boolean => id.startsWith('ep-')

/**
 * Gives an endpoint the Calico labels of its container. Docker knows which container that is only some time after it has
 * asked for the endpoint, so this goes on in the background. Never throws.
 */
export async function copyLabels(
  ctx: DriverContext,
  { network, endpoint }: { readonly network: string; readonly endpoint: string },
): Promise<void> {
  const { docker, node, log, config } = ctx
  try {
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
    const labels = calicoLabels(await docker.containerLabels(container))
    await ctx.client
      .resources('WorkloadEndpoint')
      .modify(endpointNameOf(idOf(node, endpoint)), NAMESPACE, (stored) => ({
        ...stored,
        metadata: { ...stored.metadata, labels: { ...stored.metadata.labels, ...labels } },
      }))
    log.debug('Labels of the container copied', { endpoint, labels })
  } catch (err) {
    log.warn('Cannot copy the labels of a container to its endpoint', { endpoint, reason: messageOf(err) })
  }
}

/** Those with our prefix, without it; what is no label of Calico's is left out. */
export const calicoLabels = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(labels)
      .filter(([key]) => key.startsWith(PREFIX))
      .map(([key, value]) => [key.slice(PREFIX.length), value] as const)
      .filter(([key, value]) => isLabelKey(key) && isLabelValue(value)),
  )
