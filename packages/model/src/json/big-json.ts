/**
 * JSON that keeps whole numbers of any size: IPAM blocks carry nanoseconds since 1970, which a double rounds.
 */
import { CalicoError, messageOf } from '@calico-node/core'

declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown,
    ): unknown
    rawJSON(text: string): object
  }
}

const WHOLE = /^-?\d+$/
const LONG_NUMBER = /\d{16}/

/**
 * As JSON.parse, but whole numbers beyond 2^53 become bigints; smaller ones stay numbers.
 * @throws INVALID
 */
export function parseBigJson(text: string): unknown {
  try {
    if (!LONG_NUMBER.test(text)) return JSON.parse(text)
    return JSON.parse(text, (_key, value, { source }) =>
      typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && WHOLE.test(source)
        ? BigInt(source)
        : value,
    )
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot parse JSON: ${messageOf(err)}`, { cause: err })
  }
}

/** Compact JSON in which bigints are plain numbers, and `<`, `>` and `&` are escaped as Go does. */
export function printBigJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'bigint' ? JSON.rawJSON(String(inner)) : inner,
  )
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
