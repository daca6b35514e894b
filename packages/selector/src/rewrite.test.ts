import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { printSelector } from './print.ts'
import { andSelectors, mentionsGlobal, prefixLabels } from './rewrite.ts'
import { parseSelector } from './selector.ts'

describe('prefixLabels()', () => {
  const all = parseSelector('has(ns)').ast
  const global = parseSelector('!has(ns)').ast
  const rows: [text: string, rewritten: string][] = [
    ["a == 'x' && !has(b) || c not in {'y'}", '((pcns.a == "x" && !has(pcns.b)) || pcns.c not in {"y"})'],
    [
      "a starts with 'x' && a contains 'y' && a ends with 'z' && a != 'w' && a in {'v'}",
      '(pcns.a starts with "x" && pcns.a contains "y" && pcns.a ends with "z" && pcns.a != "w" && pcns.a in {"v"})',
    ],
    ['all()', 'has(ns)'],
    ['global()', '!has(ns)'],
    ['!all() || has(a)', '(!has(ns) || has(pcns.a))'],
  ]
  for (const [text, rewritten] of rows) {
    test(text, () =>
      assert.equal(printSelector(prefixLabels(parseSelector(text).ast, 'pcns.', { all, global })), rewritten),
    )
  }

  test('functions stay when nothing stands in for them', () => {
    assert.equal(printSelector(prefixLabels(parseSelector('all() && global()').ast, 'p.')), '(all() && global())')
  })
})

describe('andSelectors()', () => {
  const rows: [texts: (string | undefined)[], joined: string][] = [
    [[], ''],
    [['', undefined, ' '], ''],
    [["a == 'x'"], "a == 'x'"],
    [["a == 'x' || has(b)", 'has(c)'], "(a == 'x' || has(b)) && (has(c))"],
    [['', 'has(c)'], 'has(c)'],
  ]
  for (const [texts, joined] of rows) test(JSON.stringify(texts), () => assert.equal(andSelectors(...texts), joined))
})

test('mentionsGlobal() looks everywhere', () => {
  for (const text of ['global()', '!global()', '(has(a) && (has(b) || global()))'])
    assert.ok(mentionsGlobal(parseSelector(text).ast), text)
  for (const text of ['all()', "global == 'x'", '!(has(a) || has(b))'])
    assert.ok(!mentionsGlobal(parseSelector(text).ast), text)
})
