/**
 * The patch of `calicoctl patch`: what the patch says replaces what is there, objects are merged field by field, null
 * removes, and lists are replaced whole. (Calico's lists have no merge keys, so a strategic merge comes to the same.)
 */

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const base = isRecord(target) ? target : {}
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(base[key], value)
  }
  return merged
}
