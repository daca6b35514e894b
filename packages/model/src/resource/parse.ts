import { nearestName } from '@calico-node/core'
import { isKind, KINDS, type Kind, type StatusOf } from '../kinds/table.ts'
import { isRecord, normalise, unknownField } from '../schema/normalise.ts'
import { problemsOf, type Problem } from '../schema/problem.ts'
import { checkParts } from './check.ts'
import { unwritable } from './codec.ts'
import { metadataSchema, type Metadata } from './metadata.ts'
import { API_VERSION, typed, type Resource, type SpecInput } from './resource.ts'
import { expectedWorkloadName } from './workload-name.ts'

/** Fields of Kubernetes metadata that documents may carry and that mean nothing here. */
const IGNORED_METADATA = [
  'selfLink',
  'generation',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
  'finalizers',
  'managedFields',
]
const TOP_LEVEL: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status'])

/**
 * The resource that somebody's document describes: strict about fields, defaults filled in.
 *
 * A workload endpoint may come without a name. The namespace must be there already.
 *
 * @param document Parsed YAML or JSON.
 * @throws INVALID, naming all problems at once (`context.problems`: field, value and reason each).
 */
export const parseResource = (document: unknown): Resource => typed(parsed(document))

/** A resource made by a program; the same rules as for documents. @throws INVALID */
export function makeResource<K extends Kind>(
  kind: K,
  metadata: Partial<Metadata>,
  spec: SpecInput<K>,
  status?: StatusOf<K>,
): Resource<K> {
  return typed({ ...parsed({ apiVersion: API_VERSION, kind, metadata, spec, status }), kind })
}

function parsed(document: unknown) {
  const { kind, metadata, spec, status, problems } = headOf(document)
  const named =
    kind === 'WorkloadEndpoint' && metadata.name === '' ? { ...metadata, name: nameFromSpec(spec) } : metadata
  const checked = checkParts(kind, { metadata: named, spec, status }, { fresh: true })
  const all = [...problems, ...checked.problems]
  if (all.length > 0) throw unwritable(kind, named.name, all)
  const { problems: _, ...parts } = checked
  return { apiVersion: API_VERSION, kind, metadata: named, ...parts }
}

interface Head {
  readonly kind: Kind
  readonly metadata: Metadata
  readonly spec: unknown
  readonly status: unknown
  readonly problems: readonly Problem[]
}

function headOf(document: unknown): Head {
  if (!isRecord(document)) {
    throw unwritable('document', '', [{ field: 'document', value: document, reason: 'must be an object' }])
  }
  const { apiVersion, kind, metadata = {}, spec, status } = document
  const problems: Problem[] = []
  if (apiVersion !== API_VERSION) {
    problems.push({ field: 'apiVersion', value: apiVersion, reason: `must be ${API_VERSION}` })
  }
  for (const [field, value] of Object.entries(document)) {
    if (TOP_LEVEL.has(field) || value === undefined) continue
    problems.push({ field, value, reason: unknownField(field, TOP_LEVEL) })
  }
  if (spec !== undefined && spec !== null && !isRecord(spec)) {
    problems.push({ field: 'spec', value: spec, reason: 'must be an object' })
  }
  const head = metadataOf(metadata, problems)
  if (typeof kind === 'string' && isKind(kind)) return { kind, metadata: head, spec, status, problems }
  throw unwritable('document', head.name, [unknownKind(kind), ...problems])
}

function unknownKind(kind: unknown): Problem {
  const nearest = typeof kind === 'string' ? nearestName(kind, Object.keys(KINDS)) : undefined
  const reason =
    kind === undefined
      ? 'is required'
      : `is not a known kind${nearest === undefined ? '' : `: did you mean ${nearest}?`}`
  return { field: 'kind', value: kind, reason }
}

function metadataOf(value: unknown, problems: Problem[]): Metadata {
  const known = isRecord(value)
    ? Object.fromEntries(Object.entries(value).filter(([key]) => !IGNORED_METADATA.includes(key)))
    : value
  const normal = normalise(metadataSchema, known, ['metadata'], problems)
  const result = metadataSchema.safeParse(isRecord(normal) ? { name: '', ...normal } : normal)
  if (result.success) return result.data
  problems.push(...problemsOf(result.error, normal, ['metadata']))
  return { name: isRecord(normal) && typeof normal['name'] === 'string' ? normal['name'] : '' }
}

function nameFromSpec(spec: unknown): string {
  if (!isRecord(spec)) return ''
  const text = (key: string): string | undefined => (typeof spec[key] === 'string' ? spec[key] : undefined)
  const { name = '' } = expectedWorkloadName({
    node: text('node'),
    orchestrator: text('orchestrator'),
    workload: text('workload'),
    pod: text('pod'),
    containerID: text('containerID'),
    endpoint: text('endpoint'),
  })
  return name
}
