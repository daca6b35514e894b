/** Translation between the store's terms and etcd's messages. */
import type { IEvent, IKeyValue, IRangeRequest } from 'etcd3'
import type { KeyValue, WatchEvent } from '../kv-store.ts'

export const keyValueOf = (kv: IKeyValue): KeyValue => ({
  key: kv.key.toString(),
  value: kv.value.toString(),
  createRevision: BigInt(kv.create_revision),
  modRevision: BigInt(kv.mod_revision),
})

export function eventOf({ type, kv, prev_kv: previous }: IEvent): WatchEvent {
  // The types say "Delete", the wire says "DELETE".
  if (type.toUpperCase() !== 'DELETE') return { type: 'put', kv: keyValueOf(kv) }
  const event = { type: 'delete', key: kv.key.toString(), modRevision: BigInt(kv.mod_revision) } as const
  return previous === null || previous === undefined ? event : { ...event, previous: keyValueOf(previous) }
}

/** The keys that begin with `prefix`, as etcd's half-open range; all keys for the empty prefix. */
export function prefixRange(prefix: string): Required<Pick<IRangeRequest, 'key' | 'range_end'>> {
  const key = Buffer.from(prefix)
  let last = key.length - 1
  while (last >= 0 && key[last] === 0xff) last -= 1
  if (last < 0) return { key: prefix === '' ? NUL : key, range_end: NUL }
  const end = Buffer.from(key.subarray(0, last + 1))
  end[last] = (end[last] ?? 0) + 1
  return { key, range_end: end }
}

/** The smallest key after `key`. */
export const keyAfter = (key: Buffer): Buffer => Buffer.concat([key, NUL])

const NUL = Buffer.from([0])
