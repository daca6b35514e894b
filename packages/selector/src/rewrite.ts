import { assertNever } from '@calico-node/core'
import type { SelectorNode } from './ast.ts'

export interface FunctionReplacements {
  /** Stands in for `all()`. */
  readonly all?: SelectorNode
  /** Stands in for `global()`. */
  readonly global?: SelectorNode
}

/**
 * The selector with every label name prefixed and its functions replaced: how selectors over namespaces (`pcns.`) and
 * service accounts (`pcsa.`) become selectors over endpoints, which inherit those labels under the prefix.
 * Replacements are inserted as they are, without the prefix.
 */
export function prefixLabels(node: SelectorNode, prefix: string, functions: FunctionReplacements = {}): SelectorNode {
  switch (node.kind) {
    case 'all':
    case 'global':
      return functions[node.kind] ?? node
    case 'not':
      return { ...node, operand: prefixLabels(node.operand, prefix, functions) }
    case 'and':
    case 'or':
      return { ...node, operands: node.operands.map((operand) => prefixLabels(operand, prefix, functions)) }
    case 'has':
    case 'eq':
    case 'ne':
    case 'contains':
    case 'starts-with':
    case 'ends-with':
      return { ...node, label: prefix + node.label }
    case 'in':
    case 'not-in':
      return { ...node, label: prefix + node.label }
    default:
      return assertNever(node)
  }
}

/** Text that selects what all of the given selectors select; blank ones count as absent. None left: the empty selector. */
export function andSelectors(...texts: readonly (string | undefined)[]): string {
  const given = texts.filter((text) => text !== undefined && text.trim() !== '')
  return given.length > 1 ? given.map((text) => `(${text})`).join(' && ') : (given[0] ?? '')
}

/** Whether `global()` occurs anywhere. */
export function mentionsGlobal(node: SelectorNode): boolean {
  if (node.kind === 'global') return true
  if (node.kind === 'not') return mentionsGlobal(node.operand)
  return (node.kind === 'and' || node.kind === 'or') && node.operands.some(mentionsGlobal)
}
