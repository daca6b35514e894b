/** What a user may write in a resource, field by field, from the schemas: for `explain`, references and hints. */
import { z } from 'zod'
import { metaOf, unwrapped } from '../schema/meta.ts'
import { metadataSchema } from '../resource/metadata.ts'
import { definitionOf } from './info.ts'
import type { Kind } from './table.ts'

export interface FieldDescription {
  readonly name: string
  /** `string`, `integer`, `IPv4 address`, `list of object`, ... */
  readonly type: string
  readonly required: boolean
  readonly description: string
  /** What values are allowed, beyond the type. */
  readonly rule?: string
  /** What holds when the field is absent. */
  readonly fallback?: string
  /** Fields of an object, or of the objects in a list. */
  readonly fields: readonly FieldDescription[]
}

const PLAIN: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  boolean: 'boolean',
  record: 'map of strings',
  object: 'object',
  unknown: 'any',
  union: 'any',
}

function typeOf(schema: z.core.$ZodType): string {
  const { type } = metaOf(schema)
  if (type !== undefined) return type
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodEnum) return inner.options.join(' | ')
  if (inner instanceof z.ZodArray) return `list of ${typeOf(inner.element)}`
  return PLAIN[inner._zod.def.type] ?? inner._zod.def.type
}

function fieldsOf(schema: z.core.$ZodType): FieldDescription[] {
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodArray) return fieldsOf(inner.element)
  if (!(inner instanceof z.ZodObject)) return []
  return Object.entries<z.core.$ZodType>(inner.shape).map(([name, field]) => {
    const { description = '', rule, fallback = defaultOf(field) } = metaOf(field)
    return {
      name,
      description,
      type: typeOf(field),
      required: !z.safeParse(field, undefined).success,
      ...(rule !== undefined && { rule }),
      ...(fallback !== undefined && { fallback }),
      fields: fieldsOf(field),
    }
  })
}

function defaultOf(schema: z.core.$ZodType): string | undefined {
  if (!(schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)) return undefined
  const value: unknown = schema.def.defaultValue
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The fields of `metadata` and `spec`, as trees. */
export function describeKind(kind: Kind): readonly FieldDescription[] {
  const { summary, spec } = definitionOf(kind)
  const object = (name: string, description: string, schema: z.core.$ZodType): FieldDescription => ({
    name,
    type: 'object',
    required: true,
    description,
    fields: fieldsOf(schema),
  })
  return [object('metadata', 'Name and labels.', metadataSchema), object('spec', summary, spec)]
}
