import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { diffLines } from './diff.ts'

const printed = (before: string, after: string): string =>
  diffLines(before, after)
    .map(({ sign, text }) => sign + text)
    .join('|')

describe('diffLines()', () => {
  const cases: [before: string, after: string, expected: string][] = [
    ['a\nb\nc\n', 'a\nb\nc\n', ''],
    ['a\nb\nc\n', 'a\nx\nc\n', ' a|-b|+x| c'],
    ['', 'a\n', '+a'],
    ['a\n', '', '-a'],
    ['1\n2\n3\n4\n5\n6\n7\n8\n9', '1\n2\n3\n4\n5\n6\n7\n8\nx', ' 6| 7| 8|-9|+x'],
  ]
  for (const [before, after, expected] of cases)
    test(JSON.stringify([before, after]), () => assert.equal(printed(before, after), expected))
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 })
    .map((lines) => lines.map((line) => `${line}\n`).join(''))
  test('tells both texts when everything is near a change', () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before, after)
        if (before === after) return assert.deepEqual(lines, [])
        const side = (sign: string): string =>
          lines
            .filter((line) => line.sign !== sign)
            .map((line) => `${line.text}\n`)
            .join('')
        assert.equal(side('+'), before)
        assert.equal(side('-'), after)
      }),
    )
  })
})
