import { bool, object, opt, text } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'

export const clusterInformationSpec = object({
  clusterGUID: opt(text(), 'Random identifier of the cluster, 32 hexadecimal digits.'),
  clusterType: opt(text(), 'What the cluster is made of, comma-separated.'),
  calicoVersion: opt(
    text(),
    'Version of Calico that set up the datastore. A calicoctl of another version refuses to work.',
  ),
  datastoreReady: opt(bool(), 'Felix starts only when this is true.'),
  variant: opt(text(), 'Product variant.'),
})

export type ClusterInformationSpec = Output<typeof clusterInformationSpec>

export const clusterInformation: KindDefinition<typeof clusterInformationSpec, ClusterInformationSpec> = {
  plural: 'clusterinformations',
  namespaced: false,
  aliases: ['clusterinfo', 'clusterinfos'],
  summary: 'Facts about the whole cluster, kept by the nodes. The only one is named "default".',
  spec: clusterInformationSpec,
  checkWrite: onlyDefault,
}

/** For kinds of which there is one. */
export function* onlyDefault({ metadata }: Checked<unknown>): Iterable<Problem> {
  if (metadata.name !== 'default') yield { field: 'metadata.name', value: metadata.name, reason: 'must be "default"' }
}
