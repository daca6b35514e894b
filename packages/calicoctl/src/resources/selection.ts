/** Which resources `get` and `delete` mean: by kind and names, or those of a file. */
import { CalicoError } from '@calico-node/core'
import type { Kind } from '@calico-node/model'
import type { Context } from '../cli/context.ts'
import { readResources, type InputOptions } from './input.ts'
import { parseKind } from './kinds.ts'
import { namespaceOfMany, namespaceOfOne } from './namespace.ts'

export interface Selected {
  readonly kind: Kind
  /** Undefined: all of the kind. */
  readonly name: string | undefined
  /** Undefined: every namespace, or a kind without. */
  readonly namespace: string | undefined
  /** What a document says; a deletion then concerns that version only. */
  readonly resourceVersion?: string
}

export interface SelectionOptions extends InputOptions {
  readonly allNamespaces: boolean
}

/** @throws INVALID with usage when neither a kind nor a file is given, or both */
export async function selectResources(
  context: Context,
  word: string | undefined,
  names: readonly string[],
  opts: SelectionOptions,
): Promise<Selected[]> {
  if (opts.filename !== undefined) {
    if (word !== undefined) throw new CalicoError('INVALID', 'Give a kind with names or -f, not both')
    const typed = await readResources(context, opts)
    return typed.map(({ resource: { kind, metadata } }) => ({
      kind,
      name: metadata.name,
      namespace: metadata.namespace,
      ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
    }))
  }
  if (word === undefined)
    throw new CalicoError('INVALID', 'Nothing to do: name a kind such as "nodes", or a file with -f')
  const kind = parseKind(word)
  if (names.some((name) => name.trim() === '')) throw new CalicoError('INVALID', 'resource name may not be empty')
  if (names.length === 0) return [{ kind, name: undefined, namespace: namespaceOfMany(kind, opts) }]
  const namespace = namespaceOfOne(kind, undefined, opts)
  return names.map((name) => ({ kind, name, namespace }))
}
