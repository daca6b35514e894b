/** Random selectors as the parser makes them, for the properties in the tests beside this file. */
import fc from 'fast-check'
import type { SelectorNode } from './ast.ts'

const PLAIN = { noNullPrototype: true } as const

const labelName = fc.constantFrom('a', 'b', 'c.d/e-f', 'in', 'has', 'not', 'all')
const value = fc.oneof(
  fc.constantFrom('', 'x', 'y', 'xy', '{a, b}', ' && '),
  fc.string({ maxLength: 6 }).map((text) => text.replaceAll("'", '')),
  fc.string({ maxLength: 6 }).map((text) => text.replaceAll('"', '')),
)
const sortedSet = fc.uniqueArray(value, { maxLength: 4 }).map((values) => values.toSorted((a, b) => (a < b ? -1 : 1)))

const leaf: fc.Arbitrary<SelectorNode> = fc.oneof(
  fc.constantFrom<SelectorNode>({ kind: 'all' }, { kind: 'global' }),
  labelName.map((label): SelectorNode => ({ kind: 'has', label })),
  fc.record(
    { kind: fc.constantFrom('eq', 'ne', 'contains', 'starts-with', 'ends-with'), label: labelName, value },
    PLAIN,
  ),
  fc.record({ kind: fc.constantFrom('in', 'not-in'), label: labelName, values: sortedSet }, PLAIN),
)

export const arbitrarySelector: fc.Arbitrary<SelectorNode> = fc.letrec<{ node: SelectorNode; group: SelectorNode }>(
  (tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      tie('group'),
      negation(leaf),
      negation(tie('group')),
    ),
    group: fc.record(
      {
        kind: fc.constantFrom('and', 'or'),
        operands: fc.array(tie('node'), { minLength: 2, maxLength: 3 }),
      },
      PLAIN,
    ),
  }),
).node

function negation(operand: fc.Arbitrary<SelectorNode>): fc.Arbitrary<SelectorNode> {
  return operand.map((node): SelectorNode => ({ kind: 'not', operand: node }))
}

/** Labels over the same names and values. */
export const arbitraryLabels = fc
  .dictionary(labelName, value, { maxKeys: 4 })
  .map((labels) => new Map(Object.entries(labels)))
