import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { secretId } from '../model/facts.ts'

const MAX_BYTES = 4096

/**
 * The passwords under a mounted directory: one file `<name>/<key>` each, its one trailing line break aside. A missing
 * directory holds none. Symbolic links are followed, as mounted secrets are made of them.
 */
export function readSecrets(directory: string): ReadonlyMap<string, string> {
  const secrets = new Map<string, string>()
  for (const name of visibleEntries(directory)) {
    for (const key of visibleEntries(join(directory, name))) {
      const path = join(directory, name, key)
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats?.isFile() !== true || stats.size > MAX_BYTES) continue
      secrets.set(secretId(name, key), readFileSync(path, 'utf8').replace(/\r?\n$/, ''))
    }
  }
  return secrets
}

function visibleEntries(directory: string): readonly string[] {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(directory).filter((entry) => !entry.startsWith('.'))
}
