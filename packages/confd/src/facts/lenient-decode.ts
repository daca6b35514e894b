import { CalicoError, hasCode, messageOf } from '@calico-node/core'
import type { KeyValue } from '@calico-node/datastore'
import { decodeResource, parseBigJson, printBigJson, type Kind, type Resource } from '@calico-node/model'

export interface LenientlyDecoded<K extends Kind> {
  readonly resource: Resource<K>
  /** Why fields were left out; undefined when there was nothing wrong. */
  readonly complaint: string | undefined
}

/**
 * Decodes a resource without its malformed fields. For kinds that mean something without one of their fields: a node whose
 * WireGuard address is rubbish still has its BGP address.
 *
 * @throws INVALID when it cannot be read even so
 */
export function decodeLeniently<K extends Kind>(kind: K, kv: KeyValue): LenientlyDecoded<K> {
  try {
    return { resource: decodeResource(kind, kv.value, kv), complaint: undefined }
  } catch (err) {
    if (!hasCode(err, 'INVALID')) throw err
    const fields = badFields(err)
    if (fields.length === 0) throw err
    const value = printBigJson(without(parseBigJson(kv.value), fields))
    return { resource: decodeResource(kind, value, kv), complaint: messageOf(err) }
  }
}

/** Paths of the fields that the model complains about; of a field in a list, the list. */
function badFields({ context }: CalicoError): readonly (readonly string[])[] {
  const problems: readonly unknown[] = Array.isArray(context['problems']) ? context['problems'] : []
  return problems.flatMap((problem) => {
    const field: unknown = isRecord(problem) ? problem['field'] : undefined
    const [path = ''] = typeof field === 'string' ? field.split('[', 1) : []
    return path.startsWith('spec.') || path.startsWith('status.') ? [path.split('.')] : []
  })
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function without(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (!isRecord(value)) return value
  const gone = new Set(paths.filter(({ length }) => length === 1).map(([key]) => key))
  const kept = Object.entries(value).filter(([key]) => !gone.has(key))
  return Object.fromEntries(
    kept.map(([key, inner]) => [
      key,
      without(
        inner,
        paths.filter(([first]) => first === key).map((path) => path.slice(1)),
      ),
    ]),
  )
}
