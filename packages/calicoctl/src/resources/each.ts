/** One operation on many resources: all are tried, and what failed is told at the end. */
import type { AnyResource } from '@calico-node/model'
import type { Outcome } from '../cli/command.ts'
import { line } from '../output/block.ts'
import { operationError } from './errors.ts'
import { idOf } from './kinds.ts'
import { reportTally, type Verb } from './report.ts'
import type { TypedDocument } from './typed.ts'

export async function forEachResource(
  verb: Verb, typed: readonly TypedDocument[], work: (resource: AnyResource) => Promise<void>,
): Promise<Outcome> {
  if (typed.length === 0) return { blocks: [line('No resources specified')] }
  const errors: string[] = []
  for (const { resource } of typed) {
    const { name, namespace } = resource.metadata
    try {
      await work(resource)
    } catch (err) {
      errors.push(operationError(err, idOf(resource.kind, name, namespace)))
    }
  }
  const kinds = typed.map(({ resource }) => resource.kind)
  return reportTally({ verb, kinds, handled: typed.length - errors.length, errors })
}
