import { assertNever } from '@calico-node/core'
import type { SelectorNode } from './ast.ts'

/** Where the value of a label is looked up; a ReadonlyMap fits. */
export interface LabelSource {
  get(name: string): string | undefined
}

/** Adapts a plain object of labels. */
export const labelSource = (labels: Readonly<Record<string, string>> = {}): LabelSource => ({
  get: (name) => (Object.hasOwn(labels, name) ? labels[name] : undefined),
})

/**
 * Whether something with these labels is selected. On an absent label `!=` and `not in` hold, everything else does not.
 * `global()` is true here; its meaning comes from the rewriting of namespace selectors.
 */
export function evaluate(node: SelectorNode, labels: LabelSource): boolean {
  switch (node.kind) {
    case 'all':
    case 'global':
      return true
    case 'has':
      return labels.get(node.label) !== undefined
    case 'eq':
      return labels.get(node.label) === node.value
    case 'ne':
      return labels.get(node.label) !== node.value
    case 'contains':
      return labels.get(node.label)?.includes(node.value) ?? false
    case 'starts-with':
      return labels.get(node.label)?.startsWith(node.value) ?? false
    case 'ends-with':
      return labels.get(node.label)?.endsWith(node.value) ?? false
    case 'in':
      return isMember(node.values, labels.get(node.label))
    case 'not-in':
      return !isMember(node.values, labels.get(node.label))
    case 'not':
      return !evaluate(node.operand, labels)
    case 'and':
      return node.operands.every((operand) => evaluate(operand, labels))
    case 'or':
      return node.operands.some((operand) => evaluate(operand, labels))
    default:
      return assertNever(node)
  }
}

const isMember = (values: readonly string[], value: string | undefined): boolean =>
  value !== undefined && values.includes(value)
