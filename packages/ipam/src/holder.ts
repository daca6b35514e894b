import { CalicoError } from '@calico-node/core'
import type { Holder } from './block.ts'
import type { IpamContext } from './context.ts'
import { printTimestamp } from './timestamp.ts'

export interface HolderRequest {
  /** Undefined for an address that is on no particular node. */
  readonly node: string | undefined
  readonly handle?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

/**
 * The holder as it is stored. `node` is there wherever the address is on one: Felix routes a borrowed address by it. Without
 * a handle, `timestamp` keeps two holders apart that are alike in all else, also when an answer of the store gets lost.
 *
 * @throws INVALID for a handle that cannot be part of a key
 */
export function holderOf(ctx: IpamContext, { node, handle, attributes = {} }: HolderRequest): Holder {
  if (handle === '' || handle?.includes('/')) {
    throw new CalicoError('INVALID', `Cannot assign under handle "${handle}": it must not be empty or contain "/"`)
  }
  const named = { ...(node !== undefined && { node }), ...attributes }
  const unique = handle !== undefined || 'timestamp' in named
  return { handle, attributes: unique ? named : { ...named, timestamp: printTimestamp(ctx.now()) } }
}
