import { isRecord } from '../schema/normalise.ts'
import {
  DEFAULT_TIER,
  NAME_ANNOTATION,
  policyStorageName,
  policyUserName,
  TIER_LABEL,
  tierOfStorageName,
} from './policy-name.ts'
import type { Metadata } from './metadata.ts'

/** A stored policy in the user's terms: the name that was given, the tier in the spec and in a label. */
export function readPolicy(stored: Record<string, unknown>): Record<string, unknown> {
  const { metadata, spec } = stored
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string') return stored
  const storageName = metadata['name']
  const given = isRecord(spec) ? spec['tier'] : undefined
  const tier = typeof given === 'string' && given !== '' ? given : tierOfStorageName(storageName)
  const { [NAME_ANNOTATION]: note, ...annotations } = isRecord(metadata['annotations']) ? metadata['annotations'] : {}
  return {
    ...stored,
    metadata: {
      ...metadata,
      name: nameInNote(note) ?? policyUserName(storageName, tier),
      labels: { [TIER_LABEL]: tier, ...(isRecord(metadata['labels']) ? metadata['labels'] : {}) },
      annotations: Object.keys(annotations).length > 0 ? annotations : undefined,
    },
    spec: { ...(isRecord(spec) ? spec : {}), tier },
  }
}

function nameInNote(note: unknown): string | undefined {
  if (typeof note !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(note)
    return isRecord(value) && typeof value['name'] === 'string' && value['name'] !== '' ? value['name'] : undefined
  } catch {
    return undefined // somebody else's note
  }
}

/** The metadata of a policy as it is stored. */
export function storedPolicyMetadata(metadata: Metadata, tier: string): Metadata {
  const { [TIER_LABEL]: _, ...labels } = metadata.labels ?? {}
  return {
    ...metadata,
    name: policyStorageName(metadata.name),
    labels: tier === DEFAULT_TIER ? labels : { ...labels, [TIER_LABEL]: tier },
    annotations: { ...metadata.annotations, [NAME_ANNOTATION]: JSON.stringify({ name: metadata.name }) },
  }
}
