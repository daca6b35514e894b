import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CalicoError } from '@calico-node/core'
import { parseDocuments, type SourceDocument } from './document.ts'

export interface LoadOptions {
  /** File, folder, or `-` for standard input. */
  readonly filename: string
  /** Look into sub-folders too. */
  readonly recursive: boolean
  readonly readStdin: () => Promise<string>
}

const REASONS: Readonly<Record<string, string>> = { ENOENT: 'no such file or directory', EACCES: 'permission denied' }

function onFile<T>(verb: 'read' | 'write', path: string, use: () => T): T {
  try {
    return use()
  } catch (err) {
    const code = err instanceof Error && 'code' in err ? String(err.code) : ''
    const message = `Cannot ${verb} ${path}: ${REASONS[code] ?? code}`
    throw new CalicoError('INVALID', message, { context: { path }, cause: err })
  }
}
const reading = <T>(path: string, read: () => T): T => onFile('read', path, read)

/** @throws INVALID when it cannot be written */
export const writeText = (path: string, content: string): void =>
  onFile('write', path, () => writeFileSync(path, content))

/** YAML and JSON files of a folder, in the order of their names. */
function filesBelow(directory: string, recursive: boolean): string[] {
  const entries = readdirSync(directory, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return recursive ? filesBelow(path, recursive) : []
    return /\.(ya?ml|json)$/i.test(entry.name) ? [path] : []
  })
}

/**
 * All documents behind `-f`, in order.
 *
 * @returns None for an empty file or folder; `origin` names it for a message.
 * @throws INVALID for what cannot be read or is no YAML
 */
export async function loadDocuments(opts: LoadOptions): Promise<{ documents: SourceDocument[]; origin: string }> {
  const { filename, recursive, readStdin } = opts
  if (filename === '-') return { documents: parseDocuments('-', await readStdin()), origin: 'file -' }
  const isDirectory = reading(filename, () => statSync(filename).isDirectory())
  const files = isDirectory ? reading(filename, () => filesBelow(filename, recursive)) : [filename]
  const documents = files.flatMap((file) =>
    parseDocuments(
      file,
      reading(file, () => readFileSync(file, 'utf8')),
    ),
  )
  return { documents, origin: `${isDirectory ? 'directory' : 'file'} ${filename}` }
}

/** Whole text behind `-f` of a single file. @throws INVALID when it cannot be read */
export const loadText = async (filename: string, readStdin: () => Promise<string>): Promise<string> =>
  filename === '-' ? readStdin() : reading(filename, () => readFileSync(filename, 'utf8'))
