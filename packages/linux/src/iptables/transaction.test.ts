import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ruleIds } from './rule-ids.ts'
import type { OurRule, TableState } from './save-text.ts'
import {
  driftedChains,
  hookFix,
  recordChange,
  transactionOf,
  type HookLines,
  type InsertMode,
  type RuleLines,
} from './transaction.ts'

const list = (...rules: string[]): RuleLines => ({ ids: rules.map((_, i) => `id${i}`), rules })
const none = list()

test('ruleIds() depends on chain, position and everything before', () => {
  const base = ruleIds('cali-a', ['x', 'y', 'z'])
  assert.ok(base.every((id) => /^[\w-]{16}$/.test(id)))
  assert.deepEqual(ruleIds('cali-a', ['x', 'y', 'z']), base)
  assert.deepEqual(
    ruleIds('cali-a', ['x', 'q', 'z']).map((id, i) => id === base[i]),
    [true, false, false],
  )
  assert.deepEqual(
    ruleIds('cali-b', ['x', 'y', 'z']).map((id, i) => id === base[i]),
    [false, false, false],
  )
})

test('transactionOf() declares, fills, hooks, then deletes, and knows what each line is about', () => {
  const change = {
    table: 'filter',
    writes: new Map([
      ['cali-a', list('-j cali-b', '-j DROP')],
      ['cali-b', none],
    ]),
    deletes: ['cali-old'],
    hooks: [
      {
        chain: 'FORWARD',
        remove: ['-j cali-old'],
        wanted: { insert: list('-j cali-a', '-j cali-b'), append: list('-j ACCEPT') },
      },
    ],
  }
  const { lines, blames } = transactionOf(change, 'insert')
  assert.equal(
    lines.join('\n'),
    `*filter
:cali-a - [0:0]
:cali-b - [0:0]
:cali-old - [0:0]
-A cali-a -m comment --comment "cali:id0" -j cali-b
-A cali-a -m comment --comment "cali:id1" -j DROP
-D FORWARD -j cali-old
-I FORWARD -m comment --comment "cali:id1" -j cali-b
-I FORWARD -m comment --comment "cali:id0" -j cali-a
-A FORWARD -m comment --comment "cali:id0" -j ACCEPT
--delete-chain cali-old
COMMIT`,
  )
  assert.deepEqual(
    blames.map((blame) => blame && `${blame.kind} ${blame.chain}`),
    [
      undefined,
      'write cali-a',
      'write cali-b',
      'delete cali-old',
      'write cali-a',
      'write cali-a',
      'hook FORWARD',
      'hook FORWARD',
      'hook FORWARD',
      'hook FORWARD',
      'delete cali-old',
      undefined,
    ],
  )
})

describe('hookFix()', () => {
  const wanted: HookLines = {
    insert: { ids: ['i'], rules: ['-j cali-F'] },
    append: { ids: ['a'], rules: ['-j ACCEPT'] },
  }
  const rule = (id: string): OurRule => ({ id, text: `-j ${id}` })
  const foreign = undefined
  const cases: [why: string, mode: InsertMode, standing: (OurRule | undefined)[], removed: string[] | undefined][] = [
    ['in sync, insert mode', 'insert', [rule('i'), foreign, foreign, rule('a')], undefined],
    ['in sync, append mode', 'append', [foreign, rule('i'), rule('a')], undefined],
    ['in sync without rules of others', 'insert', [rule('i'), rule('a')], undefined],
    ['missing', 'insert', [foreign], []],
    ['somebody pushed in before us', 'insert', [foreign, rule('i'), rule('a')], ['-j i', '-j a']],
    ['somebody appended after us', 'insert', [rule('i'), rule('a'), foreign], ['-j i', '-j a']],
    ['insert rules stand first in append mode', 'append', [rule('i'), foreign, rule('a')], ['-j i', '-j a']],
    [
      'a stale rule of ours among those of others',
      'insert',
      [rule('i'), foreign, rule('old'), foreign, rule('a')],
      ['-j i', '-j old', '-j a'],
    ],
    ['one of ours twice', 'insert', [rule('i'), rule('i'), rule('a')], ['-j i', '-j i', '-j a']],
  ]
  for (const [why, mode, standing, removed] of cases) {
    test(why, () => assert.deepEqual(hookFix('FORWARD', standing, wanted, mode)?.remove, removed))
  }
  test('in a chain where we want nothing, takes out ours', () => {
    const nothing: HookLines = { insert: none, append: none }
    assert.deepEqual(hookFix('DOCKER-USER', [foreign, rule('x')], nothing, 'insert')?.remove, ['-j x'])
    assert.equal(hookFix('DOCKER-USER', [foreign, foreign], nothing, 'insert'), undefined)
  })
})

test('recordChange() leaves a state in which the same change is no change', () => {
  for (const mode of ['insert', 'append'] as const) {
    const state: TableState = {
      owned: new Map([['cali-old', 'x']]),
      foreign: new Map([['FORWARD', [undefined, { id: 'z', text: '-j z' }]]]),
    }
    const wanted: HookLines = { insert: list('-j cali-a'), append: list('-j ACCEPT') }
    const fix = hookFix('FORWARD', state.foreign.get('FORWARD') ?? [], wanted, mode)
    assert.ok(fix)
    recordChange(
      state,
      { table: 'filter', writes: new Map([['cali-a', list('-j DROP')]]), deletes: ['cali-old'], hooks: [fix] },
      mode,
    )
    assert.deepEqual(state.owned, new Map([['cali-a', 'id0']]))
    assert.equal(hookFix('FORWARD', state.foreign.get('FORWARD') ?? [], wanted, mode), undefined)
  }
})

test('driftedChains() names chains of ours that changed, came or went, and others only where they hold rules of ours', () => {
  const rule = (id: string): OurRule => ({ id, text: '' })
  const before: TableState = {
    owned: new Map([
      ['cali-same', 'a b'],
      ['cali-changed', 'a'],
      ['cali-gone', 'a'],
    ]),
    foreign: new Map([
      ['FORWARD', [rule('x'), undefined]],
      ['INPUT', [rule('x')]],
      ['OUTPUT', []],
    ]),
  }
  const now: TableState = {
    owned: new Map([
      ['cali-same', 'a b'],
      ['cali-changed', 'a ?'],
      ['cali-new', ''],
    ]),
    foreign: new Map([
      ['FORWARD', [undefined, rule('x'), undefined]],
      ['INPUT', []],
      ['OUTPUT', [undefined]],
    ]),
  }
  assert.deepEqual(driftedChains(before, now), ['cali-changed', 'cali-gone', 'cali-new', 'INPUT'])
})
