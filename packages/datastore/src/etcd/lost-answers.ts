/**
 * What became of a write whose answer was lost, told from the key's own history.
 *
 * A compare-and-swap can succeed once only, so the write that followed the revision it compared with is either ours, or
 * proof that ours failed. "Ours" means: with our value; another writer of the very same value over the very same revision
 * cannot be told apart, and need not be.
 */
import { hasCode } from '@calico-node/core'
import type { KeyValue } from '../kv-store.ts'

export interface KeyHistory {
  /** The key now, or right after `revision`. @throws COMPACTED */
  get(key: string, revision?: bigint): Promise<KeyValue | undefined>
}

export type Verdict =
  /** Still as it was: the write has not been carried out, and it is safe to send it again. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'ours'; readonly kv: KeyValue }
  | { readonly kind: 'theirs'; readonly current: KeyValue }
  | { readonly kind: 'gone' }
  /** Deleted and made anew, or too much history, or compacted. */
  | { readonly kind: 'unknown' }

/** How many later writes of one key are followed back. */
const MAX_STEPS = 32

/**
 * @param seen Revision that the write compared with; 0 when it wanted the key to be absent.
 * @param value What it wrote; undefined when it was a delete.
 */
export async function judge(
  history: KeyHistory,
  key: string,
  seen: bigint,
  value: string | undefined,
): Promise<Verdict> {
  const current = await history.get(key)
  if (current === undefined) return seen === 0n ? { kind: 'unchanged' } : { kind: 'gone' }
  if (current.modRevision === seen) return { kind: 'unchanged' }
  try {
    const successor =
      seen === 0n ? await history.get(key, current.createRevision) : await firstAfter(history, current, seen)
    if (successor === undefined) return { kind: 'unknown' }
    return successor.value === value ? { kind: 'ours', kv: successor } : { kind: 'theirs', current }
  } catch (err) {
    if (hasCode(err, 'COMPACTED')) return { kind: 'unknown' }
    throw err
  }
}

/** The write that followed revision `seen`; undefined when that was a delete or lies too far back. */
async function firstAfter(history: KeyHistory, current: KeyValue, seen: bigint): Promise<KeyValue | undefined> {
  let kv = current
  for (let step = 0; step < MAX_STEPS; step++) {
    const earlier = await history.get(kv.key, kv.modRevision - 1n)
    if (earlier === undefined) return undefined
    if (earlier.modRevision === seen) return kv
    kv = earlier
  }
  return undefined
}
