/**
 * Resources as they are stored. What is read may have been written by any version of Calico: fields unknown to us stay,
 * nulls and zero values count as absent, defaults are filled in. What is written obeys every rule of its kind and looks
 * as if Go had printed it.
 */
import { CalicoError } from '@calico-node/core'
import { z } from 'zod'
import { printBigJson } from '../json/big-json.ts'
import { findResourceKey } from '../keys/resource-key.ts'
import { definitionOf } from '../kinds/info.ts'
import { ALL_KINDS, type Kind } from '../kinds/table.ts'
import { isRecord, normalise } from '../schema/normalise.ts'
import { once } from '../schema/once.ts'
import { describeProblems, problemsOf, type Problem } from '../schema/problem.ts'
import { parseStored, unreadable } from '../schema/stored.ts'
import { checkParts } from './check.ts'
import { metadataSchema, type Metadata } from './metadata.ts'
import { readPolicy, storedPolicyMetadata } from './policy-codec.ts'
import { isPolicyKind } from './policy-name.ts'
import { API_VERSION, typed, type Resource, type ResourceShape } from './resource.ts'

/** Where a value was read. */
export interface StoredAt {
  readonly key: string
  readonly modRevision: bigint | string | number
}

/** Made when the first of a kind is read: a program that runs once reads few kinds. */
const READERS = new Map(ALL_KINDS.map((kind) => [kind, once(() => readerOf(kind))]))

function readerOf(kind: Kind) {
  const { spec, readSpec = spec, status = z.unknown() } = definitionOf(kind)
  return z.looseObject({ metadata: metadataSchema, spec: readSpec, status: status.optional() })
}

/**
 * The resource in a stored value.
 *
 * `metadata.resourceVersion` becomes the revision; a policy gets the name that its user knows, and its tier.
 *
 * @throws INVALID, naming the key and every bad field (`context.key`, `context.problems`).
 */
export function decodeResource<K extends Kind>(kind: K, json: string, at: StoredAt): Resource<K> {
  const stored = parseStored(kind, at.key, json)
  const raw = { spec: {}, ...(isPolicyKind(kind) ? readPolicy(stored) : stored) }
  const reader = READERS.get(kind)?.() ?? readerOf(kind)
  let result = reader.safeParse(raw)
  if (!result.success) result = reader.safeParse({ spec: {}, ...Object(normalise(reader, raw)) })
  if (!result.success) throw unreadable(kind, at.key, problemsOf(result.error, raw))

  const { metadata, spec } = result.data
  const problems = [...identityProblems(stored, at.key), ...(definitionOf(kind).check?.({ metadata, spec }) ?? [])]
  if (problems.length > 0) throw unreadable(kind, at.key, problems)
  return typed({
    ...result.data,
    kind,
    apiVersion: API_VERSION,
    metadata: { ...metadata, resourceVersion: String(at.modRevision) },
  })
}

/** A value under the key of another object would be two things at once. */
function* identityProblems(stored: Record<string, unknown>, key: string): Iterable<Problem> {
  const found = findResourceKey(key)
  const metadata = isRecord(stored['metadata']) ? stored['metadata'] : {}
  for (const part of ['name', 'namespace'] as const) {
    const value = metadata[part]
    if (found?.[part] !== undefined && value !== found[part]) {
      yield { field: `metadata.${part}`, value, reason: `must be "${found[part]}", as in the key` }
    }
  }
}

/**
 * The value to store for a resource: checked once more, without `resourceVersion`, policies under their storage name.
 * @throws INVALID, naming every bad field (`context.problems`).
 */
export function encodeResource(resource: ResourceShape): string {
  const { kind, metadata } = resource
  const { spec, status, problems } = checkParts(kind, resource, { fresh: false })
  if (problems.length > 0) throw unwritable(kind, metadata.name, problems)
  const { apiVersion: _a, kind: _k, metadata: _m, spec: _s, status: _t, ...extra } = resource
  return printBigJson({
    kind,
    apiVersion: API_VERSION,
    metadata: storedMetadata(
      isPolicyKind(kind) && isRecord(spec) ? storedPolicyMetadata(metadata, String(spec['tier'])) : metadata,
    ),
    spec,
    status,
    ...extra,
  })
}

function storedMetadata(metadata: Metadata): unknown {
  const { resourceVersion: _, ...stored } = metadata
  return normalise(metadataSchema, stored)
}

/** The error for a document that may not be written. */
export const unwritable = (kind: string, name: string, problems: readonly Problem[]): CalicoError =>
  new CalicoError('INVALID', `Cannot accept ${kind} "${name}": ${describeProblems(problems)}`, {
    context: { kind, name, problems },
  })
