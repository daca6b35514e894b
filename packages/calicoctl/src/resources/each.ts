/** One operation on many resources: all are tried, and what failed is told at the end. */
import { CalicoError } from '@calico-node/core'
import type { AnyResource } from '@calico-node/model'
import type { Outcome } from '../cli/command.ts'
import { line } from '../output/block.ts'
import type { SourceDocument } from './document.ts'
import { operationError } from './errors.ts'
import { idOf } from './kinds.ts'
import { reportTally, type Verb } from './report.ts'
import { describeDocumentError, type TypedDocument } from './typed.ts'

/** How many resources are worked on at once. */
const AT_ONCE = 32

const idOfResource = ({ kind, metadata }: AnyResource): string => idOf(kind, metadata.name, metadata.namespace)

/**
 * Resources that may be worked on at once, in the order of the file: neighbours of one kind, each named once. Kinds may
 * refer to earlier ones (a policy to its tier), pools must not overlap those before them.
 */
export function batchesOf(typed: readonly TypedDocument[]): TypedDocument[][] {
  const batches: TypedDocument[][] = []
  let ids = new Set<string>()
  for (const one of typed) {
    const id = idOfResource(one.resource)
    const batch = batches.at(-1)
    const joins =
      batch !== undefined &&
      batch[0]?.resource.kind === one.resource.kind &&
      one.resource.kind !== 'IPPool' &&
      !ids.has(id)
    if (joins) batch.push(one)
    else batches.push([one])
    ids = joins ? ids.add(id) : new Set([id])
  }
  return batches
}

/** Never more than {@link AT_ONCE} at a time, and always that many while there are enough. Results in the order of the items. */
async function settleAll<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<readonly PromiseSettledResult<void>[]> {
  const results: PromiseSettledResult<void>[] = []
  const waiting = items.entries()
  const worker = async (): Promise<void> => {
    for (const [at, item] of waiting) {
      const [result] = await Promise.allSettled([work(item)])
      results[at] = result
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}

/** @param open Called with the resources of each batch; what it returns works on one of them. */
export async function forEachResource(
  verb: Verb,
  typed: readonly TypedDocument[],
  open: (batch: readonly AnyResource[]) => (resource: AnyResource) => Promise<void>,
): Promise<Outcome> {
  if (typed.length === 0) return { blocks: [line('No resources specified')] }
  const errors: string[] = []
  let failed = 0
  for (const batch of batchesOf(typed)) {
    const work = open(batch.map(({ resource }) => resource))
    const results = await settleAll(batch, ({ resource }) => work(resource))
    for (const [i, { document, resource }] of batch.entries()) {
      const result = results[i]
      if (result?.status !== 'rejected') continue
      failed++
      errors.push(...failureLines(result.reason, document, idOfResource(resource)))
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
