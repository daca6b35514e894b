/** What a failed operation on one resource is called in a message. */
import { CalicoError, messageOf } from '@calico-node/core'

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
      return `${id}: ${err.message}`
    default:
      return err.message
  }
}
