/** The files that start-up leaves on the host. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { CalicoError, type Logger, messageOf } from '@calico-node/core'

/** Content of a file, undefined when there is none. @throws INVALID when it cannot be read */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw new CalicoError('INVALID', `Cannot read ${path}: ${messageOf(err)}`, { cause: err })
  }
}

/**
 * Replaces a file in one step: a reader sees the old content or the new. Its time of change is now, also when it is
 * the same.
 */
export function writeWhole(path: string, content: string): void {
  const staged = `${path}.new`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(staged, content)
  chmodSync(staged, 0o644)
  renameSync(staged, path)
}

/** Makes folders that should be mounted from the host, and says so when they were not there. */
export function ensureDirectories(paths: readonly string[], log: Logger): void {
  for (const path of paths) {
    if (mkdirSync(path, { recursive: true }) !== undefined) {
      log.warn('Made a folder that should be mounted from the host', { path })
    }
  }
}
