/** What the names of v1 become in v3. Pure. */
import { createHash } from 'node:crypto'
import { legacyName } from '@calico-node/model'
import { parseSelector, printSelector, type SelectorNode } from '@calico-node/selector'

const OLD_NAMESPACE_LABEL = 'calico/k8s_ns'
const NAMESPACE_LABEL = 'projectcalico.org/namespace'
const OLD_NAMESPACE_PROFILE = 'k8s_ns.'
const HASH_LENGTH = 8

/** Nodes are found by their host's name, so theirs gets no hash. */
export function nodeNameOf(old: string): string {
  const name = legacyName(old)
  return name === old ? name : name.slice(0, -HASH_LENGTH - 1)
}

export const profileNameOf = (old: string): string =>
  legacyName(old.startsWith(OLD_NAMESPACE_PROFILE) ? `kns.${old.slice(OLD_NAMESPACE_PROFILE.length)}` : old)

/** In v3, what stands before a dot in the name of a policy is its tier. */
export function policyNameOf(old: string): string {
  const name = legacyName(old)
  if (!name.includes('.')) return name
  const dashed = name.replaceAll('.', '-')
  // Another old name may have had the dash where this one had a dot: the hash of the old name keeps them apart.
  return name === old ? `${dashed}-${hashOf(old)}` : dashed
}

/** The digits that `legacyName` appends to a name that it has to change. */
const hashOf = (text: string): string => createHash('sha1').update(text).digest('hex').slice(0, HASH_LENGTH)

export const labelKeyOf = (key: string): string => (key === OLD_NAMESPACE_LABEL ? NAMESPACE_LABEL : key)

export const labelsOf = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).map(([key, value]) => [labelKeyOf(key), value]))

function renamed(node: SelectorNode): SelectorNode {
  switch (node.kind) {
    case 'all':
    case 'global':
      return node
    case 'not':
      return { ...node, operand: renamed(node.operand) }
    case 'and':
    case 'or':
      return { ...node, operands: node.operands.map(renamed) }
    default:
      return { ...node, label: labelKeyOf(node.label) }
  }
}

/** The selector on the labels of v3; as it was written when no label is called otherwise. @throws INVALID */
export const selectorOf = (old: string): string =>
  old.includes(OLD_NAMESPACE_LABEL) ? printSelector(renamed(parseSelector(old).ast)) : old
