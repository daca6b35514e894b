import { z } from 'zod'
import { metadataSchema } from '../resource/metadata.ts'
import { API_VERSION } from '../resource/resource.ts'
import { metaOf, unwrapped } from '../schema/meta.ts'
import { definitionOf, kindInfo } from './info.ts'
import type { Kind } from './table.ts'

type JsonSchema = z.core.JSONSchema.BaseSchema

/**
 * JSON Schema (2020-12) of the documents that users write for a kind, for editors. It knows shapes, words and bounds;
 * rules across fields, and texts such as addresses and selectors, are checked when the document is applied.
 */
export function jsonSchemaOf(kind: Kind): JsonSchema {
  const { spec, status = z.looseObject({}), summary } = definitionOf(kind)
  const document = z.object({
    apiVersion: z.literal(API_VERSION),
    kind: z.literal(kind),
    metadata: metadataSchema,
    spec: z.safeParse(spec, {}).success ? spec.optional() : spec,
    status: status.optional(),
  })
  const schema = z.toJSONSchema(document, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => refine(zodSchema, jsonSchema),
  })
  return { title: kind, description: summary, ...schema, ...requireNames(kind, schema) }
}

/** What zod does not tell: the sentence of the reference, bounds of numbers, and that documents are strict. */
function refine(field: z.core.$ZodType, schema: JsonSchema): void {
  const { description, rule, fallback, type, minimum, maximum } = metaOf(field)
  const notes = [description, rule && `Rule: ${rule}.`, fallback && `Default: ${fallback}.`].filter(Boolean)
  if (notes.length > 0) schema.description = notes.join(' ')
  if (type === 'integer' || type === 'number') schema.type = type
  if (type === 'number') delete schema.anyOf
  if (minimum !== undefined) schema.minimum = minimum
  if (maximum !== undefined) schema.maximum = maximum
  const inner = unwrapped(field)
  if (inner instanceof z.ZodObject && Object.keys(inner.shape).length > 0) schema.additionalProperties = false
}

function requireNames(kind: Kind, schema: JsonSchema): JsonSchema {
  const metadata = schema.properties?.['metadata']
  if (metadata === undefined || typeof metadata === 'boolean') return {}
  // The name of a workload endpoint follows from its spec.
  const required = [
    ...(kind === 'WorkloadEndpoint' ? [] : ['name']),
    ...(kindInfo(kind).namespaced ? ['namespace'] : []),
  ]
  return { properties: { ...schema.properties, metadata: { ...metadata, required } } }
}
