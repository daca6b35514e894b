import type { KindDefinition } from './definition.ts'
import { ALL_KINDS, KINDS, type Kind } from './table.ts'

/** What commands and clients need to know about a kind. */
export interface KindInfo {
  readonly kind: Kind
  /** Segment of the etcd key, lower case. */
  readonly plural: string
  readonly namespaced: boolean
  /** Every word for the kind on a command line, lower case. */
  readonly aliases: readonly string[]
  readonly summary: string
}

const DEFINITIONS: Readonly<Record<Kind, KindDefinition>> = KINDS

export const definitionOf = (kind: Kind): KindDefinition => DEFINITIONS[kind]

const INFOS = new Map<Kind, KindInfo>(
  ALL_KINDS.map((kind) => {
    const { plural, namespaced, aliases, summary } = definitionOf(kind)
    return [
      kind,
      { kind, plural, namespaced, summary, aliases: [...new Set([kind.toLowerCase(), plural, ...aliases])] },
    ]
  }),
)
const BY_WORD = new Map([...INFOS.values()].flatMap((info) => info.aliases.map((word) => [word, info.kind] as const)))
const BY_PLURAL = new Map([...INFOS.values()].map((info) => [info.plural, info.kind] as const))

export function kindInfo(kind: Kind): KindInfo {
  const info = INFOS.get(kind)
  if (info === undefined) throw new RangeError(`Cannot describe kind "${kind}": unknown`)
  return info
}

/** The kind that somebody means by a word, in any case. */
export const findKind = (word: string): Kind | undefined => BY_WORD.get(word.toLowerCase())

/** The kind whose keys have this segment. */
export const findKindByPlural = (plural: string): Kind | undefined => BY_PLURAL.get(plural)
