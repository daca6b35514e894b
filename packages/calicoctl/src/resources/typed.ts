/** From what a user wrote to resources, or to lines that say what is wrong where. */
import { CalicoError, messageOf } from '@calico-node/core'
import { findKind, parseResource, type AnyResource, type Kind } from '@calico-node/model'
import type { SourceDocument } from './document.ts'
import { namespaceOfOne, type NamespaceFlags } from './namespace.ts'

type Fields = Readonly<Record<string, unknown>>
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

interface Problem {
  readonly field: string
  readonly value: unknown
  readonly reason: string
}
const isProblem = (value: unknown): value is Problem =>
  isRecord(value) && typeof value['field'] === 'string' && typeof value['reason'] === 'string'

/** A resource and where it was written. */
export interface TypedDocument {
  readonly document: SourceDocument
  readonly resource: AnyResource
}

const metadataOf = (value: unknown): Fields => (isRecord(value) && isRecord(value['metadata']) ? value['metadata'] : {})

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/** What the document says it is, before anything else of it is believed. */
export function headOf(value: unknown): {
  kind: Kind | undefined
  name: string | undefined
  namespace: string | undefined
} {
  const kind = isRecord(value) ? textOf(value['kind']) : undefined
  const metadata = metadataOf(value)
  const known = kind === undefined ? undefined : findKind(kind)
  return {
    kind: known === kind ? known : undefined,
    name: textOf(metadata['name']),
    namespace: textOf(metadata['namespace']),
  }
}

const place = (document: SourceDocument, field: string): string =>
  `${document.file}, document ${document.number}, line ${document.lineOf(field)}`

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? ''
  return value === undefined ? '' : ` ${text.length > 120 ? `${text.slice(0, 120)}...` : text}`
}

/** What is wrong with which field, when that is what an error is about. */
function problemsIn(err: unknown): Problem[] {
  const listed: unknown = err instanceof CalicoError ? err.context['problems'] : undefined
  return Array.isArray(listed) ? listed.filter(isProblem) : []
}

const problemText = ({ field, value, reason }: Problem): string =>
  `${field === '' ? 'the document' : field}${shown(value)} ${reason}`

/** The problems of an error in one line; undefined when it is about something else. */
export function problemsText(err: unknown): string | undefined {
  const problems = problemsIn(err)
  return problems.length === 0 ? undefined : problems.map(problemText).join('; ')
}

/** One line per problem: file, document, line, resource, field, value, what is allowed. */
export function describeDocumentError(document: SourceDocument, err: unknown): string[] {
  const { kind, name } = headOf(document.value)
  const what = kind === undefined ? '' : ` ${kind}${name === undefined ? '' : ` "${name}"`}:`
  const problems = problemsIn(err)
  if (problems.length === 0) return [`${place(document, '')}:${what} ${messageOf(err)}`]
  const inOrder = problems.toSorted((a, b) => document.lineOf(a.field) - document.lineOf(b.field))
  return inOrder.map((problem) => `${place(document, problem.field)}:${what} ${problemText(problem)}`)
}

/** The document's value with the namespace that it will live in. */
function withNamespace(value: unknown, flags: NamespaceFlags): unknown {
  const { kind, namespace } = headOf(value)
  if (kind === undefined || !isRecord(value)) return value
  const resolved = namespaceOfOne(kind, namespace, flags)
  return resolved === undefined ? value : { ...value, metadata: { ...metadataOf(value), namespace: resolved } }
}

export function typeDocuments(
  documents: readonly SourceDocument[],
  flags: NamespaceFlags,
): { typed: TypedDocument[]; problems: string[] } {
  const typed: TypedDocument[] = []
  const problems: string[] = []
  for (const document of documents) {
    try {
      typed.push({ document, resource: parseResource(withNamespace(document.value, flags)) })
    } catch (err) {
      problems.push(...describeDocumentError(document, err))
    }
  }
  return { typed, problems }
}
