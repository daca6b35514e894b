import { CalicoError } from '@calico-node/core'
import type { KeyValue } from './kv-store.ts'

/** The refusals that every KvStore words alike. */
export const notFound = (action: string, key: string): CalicoError =>
  new CalicoError('NOT_FOUND', `Cannot ${action} ${key}: it does not exist`, { context: { key } })

export const alreadyExists = (key: string, current: KeyValue): CalicoError =>
  new CalicoError('ALREADY_EXISTS', `Cannot create ${key}: it exists already`, { context: { key, current } })

export const conflict = (action: string, key: string, current: KeyValue): CalicoError =>
  new CalicoError('CONFLICT', `Cannot ${action} ${key}: it was changed meanwhile`, { context: { key, current } })

export const revisionGone = (prefix: string, revision: bigint, why: string): CalicoError =>
  new CalicoError('COMPACTED', `Cannot read ${prefix} at revision ${revision}: ${why}`, {
    context: { prefix, revision },
  })

export const storeClosed = (): CalicoError =>
  new CalicoError('STORE_UNAVAILABLE', 'Cannot use the store: it was closed')

export const abandoned = (): CalicoError =>
  new CalicoError('STORE_UNAVAILABLE', 'Cannot finish the call to the store: the caller gave up')
