/** The resources that a command is to work on, from `-f`. */
import { CalicoError } from '@calico-node/core'
import type { Context } from '../cli/context.ts'
import { loadDocuments } from './load.ts'
import { typeDocuments, type TypedDocument } from './typed.ts'

export interface InputOptions {
  readonly filename: string | undefined
  readonly recursive: boolean
  readonly skipEmpty: boolean
  readonly namespace: string | undefined
}

/**
 * Reads and checks everything before anything is changed.
 *
 * @returns Nothing when there is no resource and `--skip-empty` allows that.
 * @throws INVALID with one line per problem, over all documents
 */
export async function readResources(context: Context, opts: InputOptions): Promise<TypedDocument[]> {
  const { filename, recursive, skipEmpty, namespace } = opts
  if (filename === undefined)
    throw new CalicoError('INVALID', 'Option -f is missing: name a file, a folder, or - for standard input')
  const { documents, origin } = await loadDocuments({ filename, recursive, readStdin: () => context.readStdin() })
  if (documents.length === 0 && !skipEmpty) throw new CalicoError('INVALID', `No resources specified in ${origin}`)
  const { typed, problems } = typeDocuments(documents, { namespace, allNamespaces: false })
  if (problems.length > 0) throw new CalicoError('INVALID', problems.join('\n'))
  return typed
}
