/**
 * From the name of an interface to the chain of its endpoint, in few steps: a tree over the characters in which the names
 * differ. `goto` never comes back, so every chain of the tree ends with the same last rules.
 */
import type { Chain, Rule } from '@calico-node/linux'
import { goTo, inInterface, outInterface, rule } from './vocabulary.ts'

export interface Dispatch {
  /** Name of the first chain; the others add `-` and the characters that lead to them. */
  readonly root: string
  readonly direction: 'from' | 'to'
  /** Interface name to chain. */
  readonly targets: ReadonlyMap<string, string>
  /** For what no interface matched. */
  readonly otherwise: readonly Rule[]
}

/** A chain of the tree, whatever its interfaces lead to. */
export interface DispatchNode {
  readonly name: string
  readonly branches: readonly Branch[]
}
/** An interface; with `below`, all those whose names begin so, and the chain that tells them apart. */
export interface Branch {
  readonly name: string
  readonly below?: string
}

/** So many names are simply listed. */
const LEAF = 8
/** Characters of a chain name. */
const MAX_NAME = 28

/** The root comes first. */
export const dispatchChains = (dispatch: Dispatch): Chain[] =>
  dispatchTree(dispatch.root, dispatch.targets.keys()).map((node) => dispatchChain(node, dispatch))

export function dispatchChain({ name, branches }: DispatchNode, { direction, targets, otherwise }: Dispatch): Chain {
  const interfaceIs = direction === 'from' ? inInterface : outInterface
  const rules = branches.map(({ name: start, below }) =>
    below === undefined
      ? rule([interfaceIs(start)], goTo(targets.get(start) ?? ''))
      : rule([interfaceIs(`${start}+`)], goTo(below)),
  )
  return { name, rules: [...rules, ...otherwise] }
}

/** The root comes first. Depends on the set of names only. */
export function dispatchTree(root: string, names: Iterable<string>): DispatchNode[] {
  const nodes: DispatchNode[] = []
  const maxDepth = MAX_NAME - root.length - 1

  const grow = (name: string, path: string, interfaces: readonly string[]): void => {
    const branches: Branch[] = []
    nodes.push({ name, branches })
    const listed = interfaces.length <= LEAF || path.length === maxDepth
    for (const [start, inside] of listed ? interfaces.map((each) => [each, [each]] as const) : bins(interfaces)) {
      const [only = '', ...more] = inside
      if (more.length === 0) {
        branches.push({ name: only })
        continue
      }
      const nextPath = path + start.slice(-1)
      branches.push({ name: start, below: `${root}-${nextPath}` })
      grow(`${root}-${nextPath}`, nextPath, inside)
    }
  }
  grow(root, '', [...names].toSorted())
  return nodes
}

/** Names by what they have in common and the next character; a name that is all in common stands alone, and first. */
function bins(sorted: readonly string[]): Map<string, string[]> {
  const length = commonPrefix(sorted[0] ?? '', sorted.at(-1) ?? '') + 1
  return Map.groupBy(sorted, (name) => name.slice(0, length))
}

/** Length of what two names have in common; of the first and last of a sorted list, what all have in common. */
function commonPrefix(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}
