/** One operation on many resources: all are tried, and what failed is told at the end. */
import { CalicoError } from '@calico-node/core'
import type { AnyResource } from '@calico-node/model'
import type { Outcome } from '../cli/command.ts'
import { line } from '../output/block.ts'
import { operationError } from './errors.ts'
import { idOf } from './kinds.ts'
import { reportTally, type Verb } from './report.ts'
import type { SourceDocument } from './document.ts'
import { describeDocumentError, type TypedDocument } from './typed.ts'

export async function forEachResource(
  verb: Verb, typed: readonly TypedDocument[], work: (resource: AnyResource) => Promise<void>,
): Promise<Outcome> {
  if (typed.length === 0) return { blocks: [line('No resources specified')] }
  const errors: string[] = []
  let failed = 0
  for (const { document, resource } of typed) {
    const { name, namespace } = resource.metadata
    try {
      await work(resource)
    } catch (err) {
      failed++
      errors.push(...failureLines(err, document, idOf(resource.kind, name, namespace)))
    }
  }
  const kinds = typed.map(({ resource }) => resource.kind)
  return reportTally({ verb, kinds, handled: typed.length - failed, errors })
}

/** Faults of the document with their lines, anything else in one line. */
function failureLines(err: unknown, document: SourceDocument, id: string): string[] {
  const isFault = err instanceof CalicoError && err.code === 'INVALID' && Array.isArray(err.context['problems'])
  return isFault ? describeDocumentError(document, err) : [operationError(err, id)]
}
