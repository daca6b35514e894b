import { nearestName } from '@calico-node/core'
import { z } from 'zod'
import { metaOf, unwrapped } from './meta.ts'
import { printPath, type Path, type Problem } from './problem.ts'

/**
 * A copy of `value` as it is stored: without nulls, and without the zero values that stand for "not given" (empty text,
 * lists and maps, `false` of flags). What the schema does not know is kept as it is.
 *
 * @param unknown Collects fields that the schema does not know. Absent: they are nobody's business.
 */
export function normalise(schema: z.core.$ZodType, value: unknown, path: Path = [], unknown?: Problem[]): unknown {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodObject && isRecord(value)) return normaliseObject(inner, value, path, unknown)
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((item, at) => normalise(inner.element, item, [...path, at], unknown))
  }
  return value
}

function normaliseObject(
  schema: z.ZodObject,
  value: Record<string, unknown>,
  path: Path,
  unknown?: Problem[],
): unknown {
  const kept: [string, unknown][] = []
  for (const [key, field] of Object.entries(schema.shape)) {
    const given = Object.hasOwn(value, key) ? value[key] : undefined
    if (given === undefined || given === null) continue
    const stored = normalise(field, given, [...path, key], unknown)
    if (!isOmitted(field, stored)) kept.push([key, stored])
  }
  for (const [key, extra] of Object.entries(value)) {
    if (extra === undefined || Object.hasOwn(schema.shape, key)) continue
    kept.push([key, extra])
    unknown?.push({
      field: printPath([...path, key]),
      value: extra,
      reason: unknownField(key, Object.keys(schema.shape)),
    })
  }
  return Object.fromEntries(kept)
}

/** Why a field that the schema does not know is refused in a new document. */
export function unknownField(key: string, known: Iterable<string>): string {
  const near = nearestName(key, known)
  return `is not a known field${near === undefined ? '' : `: did you mean ${near}?`}`
}

function isOmitted(field: z.core.$ZodType, value: unknown): boolean {
  const { keepZero = false, omitZero = false } = metaOf(field)
  if (value === 0 || value === false) return omitZero
  if (keepZero) return false
  if (value === '' || (Array.isArray(value) && value.length === 0)) return true
  return unwrapped(field) instanceof z.ZodRecord && isRecord(value) && Object.keys(value).length === 0
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
