/** The resources that hold parameters of Felix, and whether the store may be used at all. */
import { CalicoError, messageOf } from '@calico-node/core'
import { type NodeName, resourceKey, resourcePrefix } from '@calico-node/model'
import { z } from 'zod'
import { clusterLayer, type ConfigLayer, resourceLayer } from '../config/layers.ts'
import type { StoredLayer } from '../config/watch.ts'

/** What matters of a FelixConfiguration or ClusterInformation; single bad fields are the resolver's business. */
const storedConfig = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
  spec: z.record(z.string(), z.unknown()).optional(),
})

export interface ConfigSource {
  readonly place: StoredLayer
  readonly key: string
  /** @throws INVALID when the value is no JSON object of that shape */
  readonly read: (value: string) => ConfigLayer
}

/** Where parameters are stored for this node, highest precedence first. */
export function configSources(node: NodeName): readonly ConfigSource[] {
  const felix = (place: StoredLayer, name: string): ConfigSource => ({
    place,
    key: resourceKey('FelixConfiguration', name),
    read: (value) => resourceLayer(name, parse(value)),
  })
  return [
    felix('node', `node.${node}`),
    felix('global', 'default'),
    { place: 'cluster', key: CLUSTER_KEY, read: (value) => clusterLayer(parse(value)) },
  ]
}

export const CLUSTER_KEY = resourceKey('ClusterInformation', 'default')
export const CONFIG_PREFIXES: readonly string[] = [
  resourcePrefix('FelixConfiguration'),
  resourcePrefix('ClusterInformation'),
]

/** Whether the cluster says that its data may be acted upon. Absent or invalid means no. */
export function isDatastoreReady(value: string | undefined): boolean {
  if (value === undefined) return false
  try {
    return parse(value).spec?.['datastoreReady'] === true
  } catch {
    return false
  }
}

function parse(value: string): z.output<typeof storedConfig> {
  try {
    return storedConfig.parse(JSON.parse(value))
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot read the configuration: ${messageOf(err)}`, { cause: err })
  }
}
