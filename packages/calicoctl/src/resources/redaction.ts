/** A stored value that may be shown to others: what may be a secret is taken out. Pure. */
import { parseBigJson, printBigJson } from '@calico-node/model'

const SECRET = /passw|secret|token|credential|private.?key|preshared|^psk$/i
const HIDDEN = 'REDACTED'

/** Names of settings that say where a secret is, or whether there is one, count as secrets too: better one too many. */
function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, SECRET.test(key) ? HIDDEN : redacted(textWithin(inner))]),
  )
}

/** Annotations may hold a whole document as text: what such a text hides is hidden too. */
function textWithin(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return value
  return redactValue(value)
}

/** The text of a value in the datastore, with the same numbers. What is no JSON is described by its length. */
export function redactValue(text: string): string {
  try {
    return printBigJson(redacted(parseBigJson(text)))
  } catch {
    return `(${Buffer.byteLength(text)} bytes that are no JSON)`
  }
}
