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

interface Parts {
  readonly metadata: Metadata
  readonly spec: unknown
  readonly status?: unknown
}

/** What may be written, or everything that stands against it. */
export interface Verdict {
  readonly spec: unknown
  readonly status?: unknown
  readonly problems: readonly Problem[]
}

/** Checks all parts of a resource of that kind, as a writer has to. */
export function checkParts(kind: Kind, { metadata, spec, status }: Parts, options: CheckOptions): Verdict {
  const body = checkSpec(kind, metadata, spec, options)
  const state = checkStatus(kind, status)
  return {
    spec: body.spec,
    ...(state.status !== undefined && { status: state.status }),
    problems: [...metadataProblems(kind, metadata), ...body.problems, ...state.problems],
  }
}

function checkSpec(kind: Kind, metadata: Metadata, spec: unknown, { fresh }: CheckOptions): Verdict {
  const definition = definitionOf(kind)
  const problems: Problem[] = []
  const normal = normalise(definition.spec, spec ?? {}, ['spec'], fresh ? problems : undefined)
  const result = definition.spec.safeParse(normal)
  if (!result.success) return { spec: normal, problems: [...problems, ...problemsOf(result.error, normal, ['spec'])] }
  const full = fresh && definition.complete !== undefined ? definition.complete(result.data) : result.data
  problems.push(...(definition.check?.({ metadata, spec: full }) ?? []))
  problems.push(...(definition.checkWrite?.({ metadata, spec: full }) ?? []))
  return { spec: full, problems }
}

function checkStatus(kind: Kind, status: unknown): { status?: unknown; problems: readonly Problem[] } {
  const { status: schema, statusAlways = false } = definitionOf(kind)
  if (status === undefined || status === null) return { ...(statusAlways && { status: {} }), problems: [] }
  if (schema === undefined) return { status, problems: [] }
  const normal = normalise(schema, status)
  const result = schema.safeParse(normal)
  return { status: normal, problems: result.success ? [] : problemsOf(result.error, normal, ['status']) }
}

function* metadataProblems(kind: Kind, metadata: Metadata): Iterable<Problem> {
  const { name, namespace, labels, annotations } = metadata
  if (name === '') yield { field: 'metadata.name', value: undefined, reason: 'is required' }
  else if (findResourceName(name) === undefined)
    yield { field: 'metadata.name', value: name, reason: `must be ${NAME_RULE}` }
  if (kindInfo(kind).namespaced) {
    if (namespace === undefined || namespace === '') {
      yield { field: 'metadata.namespace', value: undefined, reason: 'is required' }
    } else if (findResourceName(namespace) === undefined) {
      yield { field: 'metadata.namespace', value: namespace, reason: `must be ${NAME_RULE}` }
    }
  } else if (namespace !== undefined && namespace !== '') {
    yield { field: 'metadata.namespace', value: namespace, reason: `must be absent: ${kind} has no namespaces` }
  }
  yield* valueProblems('label', labels, 'metadata.labels')
  yield* valueProblems('annotation', annotations, 'metadata.annotations')
}
