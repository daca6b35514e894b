import { definitionOf } from '../kinds/info.ts'
import { unwritable } from './codec.ts'
import type { ResourceShape } from './resource.ts'

/** What a new resource gets from outside; passed in so that this stays free of clocks and chance. */
export interface Birth {
  /** A random UUID (version 4). */
  readonly uid: string
  readonly now: Date
}

/**
 * A resource ready to be created: uid, time and the labels that are always stored.
 * @throws INVALID when it carries a resourceVersion, so it comes from an existing one.
 */
export function prepareCreate<R extends ResourceShape>(resource: R, { uid, now }: Birth): R {
  const { metadata } = resource
  if (metadata.resourceVersion !== undefined) {
    const { resourceVersion: value } = metadata
    throw unwritable(resource.kind, metadata.name, [
      { field: 'metadata.resourceVersion', value, reason: 'must be absent in a new resource' },
    ])
  }
  const creationTimestamp = metadata.creationTimestamp ?? `${now.toISOString().slice(0, 19)}Z`
  return withStoredLabels({ ...resource, metadata: { ...metadata, uid: metadata.uid ?? uid, creationTimestamp } })
}

/**
 * A resource ready to replace `stored`: uid and time are those of the stored one when missing.
 * @throws INVALID when something changes that must not.
 */
export function prepareUpdate<R extends ResourceShape>(resource: R, stored: R): R {
  const problems = [...(definitionOf(resource.kind).checkChange?.(resource.spec, stored.spec) ?? [])]
  if (problems.length > 0) throw unwritable(resource.kind, resource.metadata.name, problems)
  const { uid = stored.metadata.uid, creationTimestamp = stored.metadata.creationTimestamp } = resource.metadata
  return withStoredLabels({ ...resource, metadata: { ...resource.metadata, uid, creationTimestamp } })
}

/** Readers rely on these labels and nobody adds them later, so they overrule what a user gave. */
function withStoredLabels<R extends ResourceShape>(resource: R): R {
  if (resource.kind !== 'WorkloadEndpoint') return resource
  const { metadata, spec } = resource
  const orchestrator: unknown = Reflect.get(spec, 'orchestrator')
  const labels = {
    ...metadata.labels,
    'projectcalico.org/namespace': metadata.namespace ?? '',
    'projectcalico.org/orchestrator': String(orchestrator),
  }
  return { ...resource, metadata: { ...metadata, labels } }
}
