import { childPath, type Problem } from './problem.ts'
import { findResourceName } from '../text/names.ts'

const PART = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/
const MAX_ANNOTATIONS_BYTES = 256 * 1024

/** A qualified name: an optional DNS prefix and `/`, then at most 63 of letters, digits, `-`, `_`, `.`. */
export function isLabelKey(text: string): boolean {
  const slash = text.indexOf('/')
  if (slash >= 0 && findResourceName(text.slice(0, slash)) === undefined) return false
  return isPart(text.slice(slash + 1))
}

export const isLabelValue = (text: string): boolean => text === '' || isPart(text)

const isPart = (text: string): boolean => text.length <= 63 && PART.test(text)

const KEY_RULE = 'must be an optional DNS prefix with "/", then at most 63 letters, digits, "-", "_" and "."'
const VALUE_RULE = 'must be at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit'

/** What is wrong with a map of labels or annotations that stands at `path`. */
export function* valueProblems(
  what: 'label' | 'annotation',
  values: Readonly<Record<string, string>> | undefined,
  path: string,
): Iterable<Problem> {
  let bytes = 0
  for (const [key, value] of Object.entries(values ?? {})) {
    const field = childPath(path, key)
    if (!isLabelKey(what === 'annotation' ? key.toLowerCase() : key))
      yield { field, value: key, reason: `key ${KEY_RULE}` }
    if (what === 'label' && !isLabelValue(value)) yield { field, value, reason: VALUE_RULE }
    bytes += key.length + value.length
  }
  if (what === 'annotation' && bytes > MAX_ANNOTATIONS_BYTES) {
    yield {
      field: path,
      value: `${bytes} characters`,
      reason: `must be at most ${MAX_ANNOTATIONS_BYTES} characters in all`,
    }
  }
}
