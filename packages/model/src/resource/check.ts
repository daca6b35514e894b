import { definitionOf, kindInfo } from '../kinds/info.ts'
import type { Kind } from '../kinds/table.ts'
import { valueProblems } from '../schema/label-rules.ts'
import { normalise } from '../schema/normalise.ts'
import { problemsOf, type Problem } from '../schema/problem.ts'
import { findResourceName, NAME_RULE } from '../text/names.ts'
import type { Metadata } from './metadata.ts'

export interface CheckOptions {
  /** A new document: derived fields are filled in, and fields that the schema does not know are problems. */
  readonly fresh: boolean
}

/** The spec as it may be written, or everything that stands against it. */
export function checkedSpec(
  kind: Kind, metadata: Metadata, spec: unknown, { fresh }: CheckOptions,
): { spec: unknown; problems: Problem[] } {
  const definition = definitionOf(kind)
  const problems: Problem[] = [...metadataProblems(kind, metadata)]
  const normal = normalise(definition.spec, spec ?? {}, ['spec'], fresh ? problems : undefined)
  const result = definition.spec.safeParse(normal)
  if (!result.success) {
    problems.push(...problemsOf(result.error, normal, ['spec']))
    return { spec: normal, problems }
  }
  const full = fresh && definition.complete !== undefined ? definition.complete(result.data) : result.data
  problems.push(...(definition.check?.({ metadata, spec: full }) ?? []))
  problems.push(...(definition.checkWrite?.({ metadata, spec: full }) ?? []))
  return { spec: full, problems }
}

function* metadataProblems(kind: Kind, metadata: Metadata): Iterable<Problem> {
  const { name, namespace, labels, annotations } = metadata
  if (name === '') yield { field: 'metadata.name', value: undefined, reason: 'is required' }
  else if (findResourceName(name) === undefined) yield { field: 'metadata.name', value: name, reason: `must be ${NAME_RULE}` }
  if (kindInfo(kind).namespaced) {
    if (namespace === undefined || namespace === '') {
      yield { field: 'metadata.namespace', value: undefined, reason: 'is required' }
    } else if (findResourceName(namespace) === undefined) {
      yield { field: 'metadata.namespace', value: namespace, reason: `must be ${NAME_RULE}` }
    }
  } else if (namespace !== undefined && namespace !== '') {
    yield { field: 'metadata.namespace', value: namespace, reason: `must be absent: a ${kind} is in no namespace` }
  }
  yield* valueProblems('label', labels, 'metadata.labels')
  yield* valueProblems('annotation', annotations, 'metadata.annotations')
}
