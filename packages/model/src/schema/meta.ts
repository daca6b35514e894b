import { z } from 'zod'

/** What is known about a field besides its shape. */
export interface FieldMeta {
  readonly description?: string
  /** Word for the type in the reference. */
  readonly type?: string
  /** What values are allowed, beyond the type. */
  readonly rule?: string
  /** Bounds of a number, inclusive. */
  readonly minimum?: number
  readonly maximum?: number
  /** Default in words, where it is not a constant of the schema. */
  readonly fallback?: string
  /** A zero value (empty text or list) is stored. Default: only numbers, booleans and objects are. */
  readonly keepZero?: boolean
  /** A zero number or `false` is not stored. */
  readonly omitZero?: boolean
}

/** Filled while the schemas are built, constant afterwards. */
const FIELDS = z.registry<FieldMeta>()

/** The schema, with more known about it. Schemas are made afresh for each field, so nobody else's changes. */
export function withMeta<T extends z.ZodType>(schema: T, data: FieldMeta): T {
  FIELDS.add(schema, { ...FIELDS.get(schema), ...data })
  return schema
}

/** What was attached to the schema or to anything it wraps; the outer says the last word. */
export function metaOf(schema: z.core.$ZodType): FieldMeta {
  const inner = innerOf(schema)
  return { ...(inner === undefined ? {} : metaOf(inner)), ...FIELDS.get(schema) }
}

/** The schema below all wrappers: what is optional, defaulted or transformed. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = innerOf(schema)
  return inner === undefined ? schema : unwrapped(inner)
}

function innerOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return schema.unwrap()
  }
  return schema instanceof z.ZodPipe ? schema.in : undefined
}
