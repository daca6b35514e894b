import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { arbitraryLabels, arbitrarySelector } from './arbitrary.test.ts'
import { evaluate } from './evaluate.ts'
import { indexKeys, type LabelRestriction } from './index-keys.ts'
import { parseSelector } from './selector.ts'

describe('indexKeys()', () => {
  const rows: [selector: string, restriction: LabelRestriction | undefined][] = [
    ['all()', undefined],
    ['global()', undefined],
    ['has(a)', { label: 'a' }],
    ["a == 'x'", { label: 'a', values: ['x'] }],
    ["a in {'x', 'y'}", { label: 'a', values: ['x', 'y'] }],
    ["a contains 'x'", { label: 'a' }],
    ["a != 'x'", undefined],
    ["a not in {'x'}", undefined],
    ['!has(a)', undefined],
    ["!a != 'x'", { label: 'a', values: ['x'] }],
    ["!a not in {'x', 'y'}", { label: 'a', values: ['x', 'y'] }],
    ["has(a) && b == 'x' && c in {'y', 'z'}", { label: 'b', values: ['x'] }],
    ['all() && has(a)', { label: 'a' }],
    ["a == 'x' || a == 'y'", { label: 'a', values: ['x', 'y'] }],
    ["a == 'x' || has(a)", { label: 'a' }],
    ["a == 'x' || b == 'x'", undefined],
    ["a == 'x' || a in {}", { label: 'a', values: ['x'] }],
    ["a == 'x' || all()", undefined],
    ["!(a != 'x' || has(b))", { label: 'a', values: ['x'] }],
    ['a in {}', { label: 'a', values: [] }],
  ]
  for (const [text, expected] of rows) test(text, () => assert.deepEqual(indexKeys(parseSelector(text).ast), expected))

  test('property: labels outside the restriction never match', () => {
    fc.assert(
      fc.property(arbitrarySelector, arbitraryLabels, (ast, labels) => {
        const restriction = indexKeys(ast)
        if (restriction === undefined || !evaluate(ast, labels)) return
        const value = labels.get(restriction.label)
        assert.notEqual(value, undefined)
        if (restriction.values !== undefined) assert.ok(restriction.values.includes(value ?? ''))
      }),
      { numRuns: 3000 },
    )
  })
})
