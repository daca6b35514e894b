/**
 * Reads objects of old documents without losing anything: whoever takes the fields of an object names all that it may have,
 * and a field that nobody named is a fault. A rule that lost a field would match more than its author meant. Pure.
 */
import { CalicoError, nearestName } from '@calico-node/core'

export type Fields<K extends string = string> = Readonly<Partial<Record<K, unknown>>>

interface Fault {
  readonly field: string
  readonly value: unknown
  readonly reason: string
}

/** An error that names a field of the old document. */
export const fault = (field: string, value: unknown, reason: string): CalicoError => faults([{ field, value, reason }])

const faults = (problems: readonly Fault[]): CalicoError =>
  new CalicoError('INVALID', problems.map(({ field, reason }) => `${field} ${reason}`).join('; '), {
    context: { problems },
  })

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The fields of an object; an absent object has none.
 *
 * @param at Path of the object within its document; empty for the document itself.
 * @throws INVALID for a field that is not among `known`, with the nearest name
 */
export function fieldsOf<const K extends string>(value: unknown, at: string, known: readonly K[]): Fields<K> {
  const object = value ?? {}
  if (hasOnly(object, known)) return object
  if (!isRecord(object)) throw fault(at, value, 'must be an object')
  const strange = Object.keys(object).filter((key) => !known.some((name) => name === key))
  throw faults(strange.map((key) => strangeField(at === '' ? key : `${at}.${key}`, object[key], key, known)))
}

const hasOnly = <K extends string>(value: unknown, known: readonly K[]): value is Fields<K> =>
  isRecord(value) && Object.keys(value).every((key) => known.some((name) => name === key))

function strangeField(field: string, value: unknown, key: string, known: readonly string[]): Fault {
  const near = nearestName(key, known)
  return { field, value, reason: `is not known in v1${near === undefined ? '' : `: did you mean ${near}?`}` }
}

/** @returns Undefined for an absent text. @throws INVALID */
export function textOf(value: unknown, at: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  throw fault(at, value, 'must be text')
}

/** @throws INVALID, also for an empty text */
export function requiredText(value: unknown, at: string): string {
  const text = textOf(value, at)
  if (text === undefined || text === '') throw fault(at, value, 'is required')
  return text
}

/** @returns No items for an absent list. @throws INVALID */
export function listOf(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  throw fault(at, value, 'must be a list')
}

export const textsOf = (value: unknown, at: string): string[] =>
  listOf(value, at).map((item, i) => requiredText(item, `${at}[${i}]`))

/** A map of texts, such as labels. @throws INVALID */
export function textMapOf(value: unknown, at: string): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {}
  if (!isRecord(value)) throw fault(at, value, 'must be an object')
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, textOf(item, `${at}.${key}`) ?? '']))
}

/** Without the fields that are undefined, empty lists and empty objects among them. */
export const compact = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)))

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isRecord(value) && Object.keys(value).length === 0)
