import { readFileSync, statSync } from 'node:fs'
import { CalicoError, messageOf } from '@calico-node/core'

/**
 * Reads a file that a setting names. A container without the right to override file permissions may not read what others
 * own, whoever it runs as; so a refusal tells whose the file is.
 *
 * @throws INVALID naming the file and the setting
 */
export function readNamedFile(path: string, setting: string): Buffer {
  try {
    return readFileSync(path)
  } catch (err) {
    const refused = err instanceof Error && 'code' in err && err.code === 'EACCES'
    const why = refused ? `permission denied${ownerOf(path)}` : messageOf(err)
    throw new CalicoError('INVALID', `Cannot read ${path} (${setting}): ${why}`, { cause: err })
  }
}

function ownerOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return ''
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0')
  return `; it belongs to uid ${stat.uid}, gid ${stat.gid} with mode ${mode}, and this is uid ${process.getuid?.()}, gid ${process.getgid?.()}`
}
