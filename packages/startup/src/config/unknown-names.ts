import { nearestName } from '@calico-node/core'

export interface UnknownVariable {
  readonly name: string
  readonly nearest?: string
}

const OURS = /^(CALICO|FELIX)_/

/**
 * Variables that look as if they were meant for us and are known to nobody, with the name that was probably meant.
 * Case does not matter in `FELIX_` names.
 */
export function unknownVariables(names: Iterable<string>, known: ReadonlySet<string>): UnknownVariable[] {
  const isKnown = (name: string): boolean =>
    known.has(name) || (name.startsWith('CALICO_') && known.has(name.slice('CALICO_'.length)))
  return [...names]
    .filter((name) => OURS.test(name) && !isKnown(name.toUpperCase()))
    .toSorted()
    .map((name) => {
      const nearest = nearestName(name, known)
      return { name, ...(nearest !== undefined && { nearest }) }
    })
}
