import { createHash } from 'node:crypto'

/**
 * The name of a v3 resource for a name of Calico 1 and 2, as the upgrade tool of Calico makes it: lower case, illegal
 * characters replaced, and, if that changed anything, eight digits of a hash, so that two old names never become one.
 * `PROF_A_B` becomes `prof-a-b-2d6a3311`.
 */
export function legacyName(old: string): string {
  const name = old
    .toLowerCase()
    .replaceAll('/', '.')
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/[.-]*\.[.-]*/g, '.')
    .replace(/^[.-]+|[.-]+$/g, '')
  if (name === old) return name
  const hash = createHash('sha1').update(old).digest('hex').slice(0, 8)
  return name === '' ? hash : `${name}-${hash}`
}
