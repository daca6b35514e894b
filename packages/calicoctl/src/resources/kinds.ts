import { CalicoError, nearestName } from '@calico-node/core'
import { ALL_KINDS, findKind, kindInfo, type Kind } from '@calico-node/model'

const words = (): string[] => ALL_KINDS.flatMap((kind) => kindInfo(kind).aliases)

/** The kind that a word on the command line means. @throws INVALID with the nearest known word */
export function parseKind(word: string): Kind {
  const kind = findKind(word)
  if (kind !== undefined) return kind
  const near = nearestName(word, words())
  const hint =
    near === undefined
      ? `known are ${ALL_KINDS.map((known) => kindInfo(known).plural).join(', ')}`
      : `did you mean "${near}"?`
  throw new CalicoError('INVALID', `resource type '${word}' is not supported; ${hint}`)
}

/** `Kind(name)` or `Kind(namespace/name)`. */
export const idOf = (kind: Kind, name: string, namespace?: string): string =>
  `${kind}(${namespace === undefined ? name : `${namespace}/${name}`})`
