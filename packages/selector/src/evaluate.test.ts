import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { labelSource } from './evaluate.ts'
import { parseSelector } from './selector.ts'

describe('a selector against labels', () => {
  /** What it says for: label absent, label "x", label "y", label "". */
  const rows: [selector: string, absent: boolean, x: boolean, y: boolean, empty: boolean][] = [
    ['all()', true, true, true, true],
    ['global()', true, true, true, true],
    ['has(a)', false, true, true, true],
    ['!has(a)', true, false, false, false],
    ["a == 'x'", false, true, false, false],
    ["a != 'x'", true, false, true, true],
    ["!a == 'x'", true, false, true, true],
    ["!a != 'x'", false, true, false, false],
    ["a == ''", false, false, false, true],
    ["a in {'x', 'z'}", false, true, false, false],
    ["a not in {'x', 'z'}", true, false, true, true],
    ['a in {}', false, false, false, false],
    ['a not in {}', true, true, true, true],
    ["a contains ''", false, true, true, true],
    ["a contains 'x'", false, true, false, false],
    ["a starts with 'x'", false, true, false, false],
    ["a ends with 'y'", false, false, true, false],
    ["has(a) && a != 'x'", false, false, true, true],
    ["!has(a) || a == 'x'", true, true, false, false],
  ]
  for (const [text, ...expected] of rows) {
    test(text, () => {
      const selector = parseSelector(text)
      const seen = [{}, { a: 'x' }, { a: 'y' }, { a: '' }].map((labels) => selector.matches(labelSource(labels)))
      assert.deepEqual(seen, expected)
    })
  }

  test('position matters for starts with and ends with', () => {
    const labels = labelSource({ a: 'abc' })
    for (const text of ["a starts with 'ab'", "a ends with 'bc'", "a contains 'b'"])
      assert.ok(parseSelector(text).matches(labels))
    for (const text of ["a starts with 'bc'", "a ends with 'ab'", "a contains 'ac'"])
      assert.ok(!parseSelector(text).matches(labels))
  })

  test('what every object inherits is no label', () => {
    assert.equal(parseSelector('has(constructor)').matches(labelSource({})), false)
    assert.equal(parseSelector('has(a)').matches(labelSource(undefined)), false)
  })
})
