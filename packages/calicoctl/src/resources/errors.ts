/** What a failed operation on one resource is called in a message. */
import { CalicoError, hasCode, messageOf, nearestName } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { Kind } from '@calico-node/model'
import { idOf } from './kinds.ts'
import { problemsText } from './typed.ts'

export function operationError(err: unknown, id: string): string {
  if (!(err instanceof CalicoError)) return messageOf(err)
  switch (err.code) {
    case 'NOT_FOUND':
      return `resource does not exist: ${id}`
    case 'ALREADY_EXISTS':
      return `resource already exists: ${id}`
    case 'CONFLICT':
      return `update conflict: ${id}`
    case 'FORBIDDEN':
      return `connection is unauthorized: ${err.message}`
    case 'UNSUPPORTED':
      return `operation is not supported on ${id}: ${err.message}`
    case 'INVALID':
      return `${id}: ${problemsText(err) ?? err.message}`
    default:
      return err.message
  }
}

export interface Named {
  readonly kind: Kind
  readonly name: string
  readonly namespace: string | undefined
}

/** As {@link operationError}, with the nearest name when there is no resource of the one that was typed. */
export async function namedError(
  client: CalicoClient,
  err: unknown,
  { kind, name, namespace }: Named,
): Promise<string> {
  const message = operationError(err, idOf(kind, name, namespace))
  if (!hasCode(err, 'NOT_FOUND')) return message
  const others = client.resources(kind).list(namespace === undefined ? {} : { namespace })
  const names = await others.then((items) => items.map(({ metadata }) => metadata.name)).catch(() => [])
  const near = nearestName(name, names)
  return near === undefined ? message : `${message}; did you mean "${near}"?`
}
