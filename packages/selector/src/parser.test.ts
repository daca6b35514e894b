import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import fc from 'fast-check'
import { arbitrarySelector } from './arbitrary.test.ts'
import { parseSelector, selectorOf } from './selector.ts'

describe('parseSelector() gives the canonical text', () => {
  const rows: [why: string, text: string, canonical: string][] = [
    ['nothing selects everything', '', 'all()'],
    ['blanks only, too', ' \t ', 'all()'],
    ['single quotes become double', "a == 'b'", 'a == "b"'],
    ['a string with a double quote keeps single ones', `a != 'say "x"'`, `a != 'say "x"'`],
    ['blanks around operators are optional', 'a=="b"', 'a == "b"'],
    ['no escapes: a backslash is a backslash', String.raw`a == "\"`, String.raw`a == "\"`],
    ['sets are sorted and free of duplicates', "a in {'z', 'b','z'}", 'a in {"b", "z"}'],
    ['a comma may end a set', "a not in {'b',}", 'a not in {"b"}'],
    ['an empty set', 'a in {}', 'a in {}'],
    [
      'operators without their inner blank',
      "a notin {'x'} && b startswith 'y' && c endswith 'z'",
      '(a not in {"x"} && b starts with "y" && c ends with "z")',
    ],
    ['operators with many inner blanks', "a not \t in {'x'}", 'a not in {"x"}'],
    ['operators without a blank after', `a contains"x"`, 'a contains "x"'],
    [
      'keywords as label names',
      "in in {'x'} || contains == 'y' || all == 'z'",
      '(in in {"x"} || contains == "y" || all == "z")',
    ],
    ['every character of label names', "a.b_c/d-E9 == ''", 'a.b_c/d-E9 == ""'],
    ['blanks inside a function', 'has( a ) && all( ) && global(\t)', '(has(a) && all() && global())'],
    ['&& binds tighter than ||', 'has(a) || has(b) && has(c)', '(has(a) || (has(b) && has(c)))'],
    ['parentheses regroup', '(has(a) || has(b)) && has(c)', '((has(a) || has(b)) && has(c))'],
    ['useless parentheses vanish', '((has(a)))', 'has(a)'],
    ['! binds tightest', "!has(a) && !b == 'c'", '(!has(a) && !b == "c")'],
    ['! toggles', '!!!has(a)', '!has(a)'],
    ['! toggles through parentheses', '!(!has(a))', 'has(a)'],
    ['! of a group', '!(has(a) || has(b))', '!(has(a) || has(b))'],
  ]
  for (const [why, text, canonical] of rows)
    test(`${why}: ${text}`, () => assert.equal(parseSelector(text).text, canonical))

  test('Felix derives the name of the set of all endpoints from it', () => {
    const id = createHash('sha224')
      .update(`s:${parseSelector('all()').text}`)
      .digest('base64url')
    assert.equal(`s:${id}`, 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug')
  })

  test('property: what is printed is parsed to the same tree', () => {
    fc.assert(
      fc.property(arbitrarySelector, (ast) => {
        const printed = selectorOf(ast).text
        const again = parseSelector(printed)
        assert.equal(again.text, printed)
        assert.deepEqual(again.ast, ast)
      }),
    )
  })

  test('property: what is accepted at all can be printed and parsed again', () => {
    const pieces = fc.constantFrom(
      'a',
      'has(',
      'all(',
      ')',
      '(',
      '!',
      '&&',
      '||',
      '==',
      '!=',
      '"x"',
      "'y'",
      ' ',
      'in',
      'not',
      '{',
      '}',
      ',',
    )
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 12 }).map((list) => list.join('')),
        (text) => {
          const accepted = find(text)
          if (accepted !== undefined) assert.equal(parseSelector(accepted.text).text, accepted.text)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('parseSelector() refuses, with the column', () => {
  const rows: [text: string, column: number, reason: string][] = [
    ["a = 'b'", 3, 'expected an operator after the label, not "="'],
    ["a == 'b", 6, 'unterminated string'],
    ["(a == 'b'", 10, 'expected ")", not the end'],
    ["a == 'b')", 9, 'expected "&&", "||" or the end, not ")"'],
    ["a not in 'b'", 10, 'expected "{", not "\'b\'"'],
    ['a in {,}', 7, 'expected a quoted string or "}", not ",}"'],
    ["a in {'b' 'c'}", 11, 'expected "," or "}", not "\'c\'}"'],
    ['a == b', 6, 'expected a quoted string, not "b"'],
    ['has(a', 6, 'expected ")", not the end'],
    ['has()', 5, 'expected a label name, not ")"'],
    ['has (a)', 5, 'expected an operator such as "==" after the label, not "(a)"'],
    ["a inx {'b'}", 3, 'expected an operator after the label, not "i"'],
    ['a', 2, 'expected an operator such as "==" after the label, not the end'],
    ['has(a) has(b)', 8, 'expected "&&", "||" or the end, not "has(b)"'],
    ['has(a) &&', 10, 'expected a label, a function, "!" or "(", not the end'],
    ['&& has(a)', 1, 'expected a label, a function, "!" or "(", not "&& has(a)"'],
    ['has(a)\n', 7, 'unexpected "\\n"'],
    ['has(ä)', 5, 'unexpected "ä"'],
    ['has(a) & has(b)', 8, 'unexpected "&"'],
    [`has(${'x'.repeat(513)})`, 5, 'label name longer than 512 characters'],
    [`${'('.repeat(201)}has(a)${')'.repeat(201)}`, 201, 'more than 200 nested groups'],
  ]
  for (const [text, column, reason] of rows) {
    test(`${text.slice(0, 30)}: ${reason}`, () => {
      assert.throws(
        () => parseSelector(text),
        (err: CalicoError) => {
          assert.equal(err.code, 'INVALID')
          assert.equal(err.message, `Cannot parse selector "${text}": ${reason} at column ${column}`)
          assert.equal(err.context['position'], column - 1)
          return true
        },
      )
    })
  }

  test('nesting at the limit is fine, also with thousands of operands and negations', () => {
    assert.equal(parseSelector(`${'('.repeat(200)}has(a)${')'.repeat(200)}`).text, 'has(a)')
    const wide = parseSelector(Array.from({ length: 20_000 }, (_, at) => `a == '${at}'`).join(' || '))
    assert.equal(wide.matches(new Map([['a', '19999']])), true)
    assert.equal(parseSelector(`${'!'.repeat(20_001)}has(a)`).text, '!has(a)')
  })
})

function find(text: string): { text: string } | undefined {
  try {
    return parseSelector(text)
  } catch (err) {
    assert.ok(err instanceof CalicoError)
    return undefined
  }
}
