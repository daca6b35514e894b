import { cidrText, list, object, opt } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'

export const networkSetSpec = object({ nets: opt(list(cidrText()), 'Addresses and networks of the set.') })

export type NetworkSetSpec = Output<typeof networkSetSpec>

const NAMESPACE_LABEL = 'projectcalico.org/namespace'

export const networkSet: KindDefinition<typeof networkSetSpec, NetworkSetSpec> = {
  plural: 'networksets',
  namespaced: true,
  aliases: ['netset', 'netsets'],
  summary: 'Addresses outside Calico that selectors of a namespace find by label.',
  spec: networkSetSpec,
  checkWrite: namespaceLabelProblems,
}

export const globalNetworkSet: KindDefinition<typeof networkSetSpec, NetworkSetSpec> = {
  ...networkSet,
  plural: 'globalnetworksets',
  namespaced: false,
  aliases: ['gnetset', 'gnetsets'],
  summary: 'Addresses outside Calico that selectors find by label.',
}

function* namespaceLabelProblems({ metadata }: Checked<unknown>): Iterable<Problem> {
  const value = metadata.labels?.[NAMESPACE_LABEL]
  if (value !== undefined) {
    yield { field: `metadata.labels["${NAMESPACE_LABEL}"]`, value, reason: 'must not be set: it is implied' }
  }
}
