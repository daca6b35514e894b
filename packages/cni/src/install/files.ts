/** Files that are whole at any moment: written under another name, flushed, renamed. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface WantedFile {
  readonly path: string
  readonly content: string
}

/** Only root reads them: there are keys and tokens among them. */
const MODE = 0o600

/** Puts the file there unless it has this content already. @returns Whether it was written. */
export function replaceFile({ path, content }: WantedFile): boolean {
  if (readIfPresent(path) === content) return false
  mkdirSync(dirname(path), { recursive: true })
  // Runtimes go by the end of the name, so this one is nobody's configuration.
  const staged = join(dirname(path), `.${basename(path)}.${process.pid}`)
  try {
    writeFileSync(staged, content, { mode: MODE, flush: true })
    renameSync(staged, path)
  } catch (err) {
    rmSync(staged, { force: true })
    throw err
  }
  flushFolder(dirname(path))
  return true
}

/** Makes renames in a folder outlast a power cut. */
export function flushFolder(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The text of a file; undefined when there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    if (isMissing(err)) return undefined
    throw err
  }
}

const isMissing = (err: unknown): boolean =>
  err instanceof Error && 'code' in err && (err.code === 'ENOENT' || err.code === 'ENOTDIR')
