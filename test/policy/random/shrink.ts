/**
 * Makes a failing scenario small: leaves out resources, then rules and parts of rules, as long as the failure stays.
 * Delta debugging: large pieces first.
 */
import { isKind, makeResource, type Resource } from '@calico-node/model'

export type Fails = (resources: readonly Resource[]) => Promise<boolean>

/** The smallest that was found within the time. Always a scenario that fails. */
export async function shrink(
  resources: readonly Resource[],
  fails: Fails,
  timeoutMs: number,
): Promise<readonly Resource[]> {
  const end = performance.now() + timeoutMs
  let smallest = await withoutPieces(resources, fails, end)
  for (const at of smallest.keys()) {
    for (let next = 0; performance.now() < end; ) {
      const [simpler] = simplerVersions(smallest[at]).slice(next)
      if (simpler === undefined) break
      const candidate = smallest.with(at, simpler)
      if (await fails(candidate)) smallest = candidate
      else next++
    }
  }
  return withoutPieces(smallest, fails, end)
}

async function withoutPieces(list: readonly Resource[], fails: Fails, end: number): Promise<readonly Resource[]> {
  let smallest = list
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < smallest.length && performance.now() < end; ) {
      const candidate = smallest.toSpliced(from, size)
      if (await fails(candidate)) smallest = candidate
      else from += size
    }
  }
  return smallest
}

/** The resource without one of its parts, each in turn; only what the model accepts. */
function simplerVersions(item: Resource | undefined): Resource[] {
  if (item === undefined) return []
  return [...withoutOne(item.spec)].flatMap((spec) => {
    try {
      return [rebuilt(item, spec)]
    } catch {
      return []
    }
  })
}

function rebuilt({ kind, metadata }: Resource, spec: unknown): Resource {
  if (!isKind(kind)) throw new RangeError(`There is no kind ${String(kind)}`)
  return makeResource(kind, metadata, Object(spec))
}

/** Larger parts come first: whole fields and elements, then what is inside them. */
function* withoutOne(value: unknown): Iterable<unknown> {
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value
    for (const at of list.keys()) yield list.toSpliced(at, 1)
    for (const [at, inner] of list.entries()) for (const less of withoutOne(inner)) yield list.with(at, less)
  } else if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
    for (const [name] of fields) yield Object.fromEntries(fields.filter(([other]) => other !== name))
    for (const [name, inner] of fields) for (const less of withoutOne(inner)) yield { ...value, [name]: less }
  }
}
