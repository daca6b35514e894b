import type { Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { areConfusable, type NodeName } from '@calico-node/model'

/** Tells of other Nodes that people, or programs which do not share the node-name file, may take for this one. */
export async function warnOfNamesakes(client: CalicoClient, name: NodeName, log: Logger): Promise<void> {
  const nodes = (await client.resources('Node').list()).map(({ metadata }) => metadata.name)
  const others = nodes.filter((other) => other !== name && areConfusable(other, name))
  if (others.length === 0) return
  log.warn('Other Nodes have nearly the name of this one: endpoints that name them are not of this host', {
    node: name,
    others,
  })
}
