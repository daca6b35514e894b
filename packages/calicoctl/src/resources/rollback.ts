/** Undoing an apply that nobody confirmed. */
import { hasCode, messageOf } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { AnyResource } from '@calico-node/model'
import { deleteResource, type CascadeTools } from './cascade.ts'
import { idOf } from './kinds.ts'

/** What one resource was before, and which version was written over it. */
export interface Undo {
  /** Undefined: it did not exist. */
  readonly before: AnyResource | undefined
  readonly after: AnyResource
}

const find = (client: CalicoClient, { kind, metadata }: AnyResource): Promise<AnyResource | undefined> =>
  client.resources(kind).find(metadata.name, metadata.namespace)

/** The resources as they stand now. */
export const snapshot = (
  client: CalicoClient,
  resources: readonly AnyResource[],
): Promise<(AnyResource | undefined)[]> => Promise.all(resources.map((resource) => find(client, resource)))

/** Pairs what was with what is; what did not change needs no undoing. */
export function undoOf(
  before: readonly (AnyResource | undefined)[],
  after: readonly (AnyResource | undefined)[],
): Undo[] {
  return after.flatMap((now, i) => {
    const was = before[i]
    return now === undefined || was?.metadata.resourceVersion === now.metadata.resourceVersion
      ? []
      : [{ before: was, after: now }]
  })
}

/**
 * Takes back what was applied, the last first. What somebody else has changed since stays as it is.
 *
 * @returns One line per resource that could not be taken back.
 */
export async function rollBack(tools: CascadeTools, undos: readonly Undo[]): Promise<string[]> {
  const failures: string[] = []
  for (const { before, after } of undos.toReversed()) {
    const {
      kind,
      metadata: { name, namespace, resourceVersion },
    } = after
    try {
      if (before === undefined) await deleteResource(tools, { kind, name, namespace, resourceVersion })
      else
        await tools.client.resources(kind).update({
          ...before,
          metadata: { ...before.metadata, ...(resourceVersion !== undefined && { resourceVersion }) },
        })
    } catch (err) {
      const why = hasCode(err, 'CONFLICT', 'NOT_FOUND') ? 'somebody has changed it since' : messageOf(err)
      failures.push(`${idOf(kind, name, namespace)} was not taken back: ${why}`)
    }
  }
  return failures
}
