import type { SelectorNode } from './ast.ts'

/**
 * A necessary condition for a match: the label is present and, where `values` is given, is one of them. An empty list
 * means that nothing can match.
 */
export interface LabelRestriction {
  readonly label: string
  readonly values?: readonly string[]
}

/**
 * The narrowest single restriction that every match of the selector satisfies, for indexing selectors by label.
 * Undefined when there is none, so the selector has to be tried against everything. Never narrower than the selector.
 */
export function indexKeys(node: SelectorNode): LabelRestriction | undefined {
  switch (node.kind) {
    case 'eq':
      return { label: node.label, values: [node.value] }
    case 'in':
      return { label: node.label, values: node.values }
    case 'has':
    case 'contains':
    case 'starts-with':
    case 'ends-with':
      return { label: node.label }
    case 'not':
      return indexKeys(negated(node.operand))
    case 'and':
      return node.operands.map(indexKeys).reduce(narrower, undefined)
    case 'or':
      return node.operands.map(indexKeys).reduce(union)
    default:
      return undefined
  }
}

/** Only the negations that restrict something are pushed inwards; the rest become `all()`. */
function negated(node: SelectorNode): SelectorNode {
  switch (node.kind) {
    case 'ne':
      return { kind: 'eq', label: node.label, value: node.value }
    case 'not-in':
      return { kind: 'in', label: node.label, values: node.values }
    case 'not':
      return node.operand
    case 'or':
      return { kind: 'and', operands: node.operands.map(negated) }
    case 'and':
      return { kind: 'or', operands: node.operands.map(negated) }
    default:
      return { kind: 'all' }
  }
}

const size = (restriction: LabelRestriction): number => restriction.values?.length ?? Number.POSITIVE_INFINITY

function narrower(a: LabelRestriction | undefined, b: LabelRestriction | undefined): LabelRestriction | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return size(b) < size(a) ? b : a
}

function union(a: LabelRestriction | undefined, b: LabelRestriction | undefined): LabelRestriction | undefined {
  if (a?.values?.length === 0) return b
  if (b?.values?.length === 0) return a
  if (a === undefined || b === undefined || a.label !== b.label) return undefined
  if (a.values === undefined || b.values === undefined) return { label: a.label }
  return { label: a.label, values: [...new Set([...a.values, ...b.values])] }
}
