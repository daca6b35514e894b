import { assertNever } from '@calico-node/core'
import type { SelectorNode } from './ast.ts'

const OPERATOR = {
  eq: '==',
  ne: '!=',
  contains: 'contains',
  'starts-with': 'starts with',
  'ends-with': 'ends with',
  in: 'in',
  'not-in': 'not in',
  and: ' && ',
  or: ' || ',
} as const

/**
 * Canonical text: one space around operators, `"` quotes unless the string contains one, groups in parentheses, sets as
 * stored (sorted). Felix names its address sets by hashes of this text: a change renames them all.
 */
export function printSelector(node: SelectorNode): string {
  switch (node.kind) {
    case 'all':
    case 'global':
      return `${node.kind}()`
    case 'has':
      return `has(${node.label})`
    case 'eq':
    case 'ne':
    case 'contains':
    case 'starts-with':
    case 'ends-with':
      return `${node.label} ${OPERATOR[node.kind]} ${quote(node.value)}`
    case 'in':
    case 'not-in':
      return `${node.label} ${OPERATOR[node.kind]} {${node.values.map(quote).join(', ')}}`
    case 'not':
      return `!${printSelector(node.operand)}`
    case 'and':
    case 'or':
      return `(${node.operands.map(printSelector).join(OPERATOR[node.kind])})`
    default:
      return assertNever(node)
  }
}

const quote = (text: string): string => (text.includes('"') ? `'${text}'` : `"${text}"`)
