/**
 * Finds the members of a set that make a test fail, by halving: each half is admitted on top of what has been admitted
 * before. With one offender among n that takes about 2 log2(n) tests.
 *
 * @param passes Whether a set passes; a set that passes is assumed to pass without some of its members.
 * @returns What passes together, in order, and what does not. Undefined when not even the empty set passes.
 */
export async function admit<T>(
  candidates: readonly T[],
  passes: (kept: readonly T[]) => Promise<boolean>,
): Promise<{ readonly kept: readonly T[]; readonly refused: readonly T[] } | undefined> {
  if (!(await passes([]))) return undefined
  const refused: T[] = []
  const add = async (kept: readonly T[], more: readonly T[]): Promise<readonly T[]> => {
    if (more.length === 0) return kept
    const all = [...kept, ...more]
    if (await passes(all)) return all
    if (more.length === 1) {
      refused.push(...more)
      return kept
    }
    const middle = Math.ceil(more.length / 2)
    return add(await add(kept, more.slice(0, middle)), more.slice(middle))
  }
  const kept = await add([], candidates)
  return { kept, refused }
}
