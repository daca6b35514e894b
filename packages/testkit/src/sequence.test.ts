import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expand } from './sequence.ts'

const a = new Map([
  ['x', '1'],
  ['y', '1'],
])
const b = new Map([['y', '2']])

test('every run but the reversed one ends in the last state', () => {
  for (const [name, run] of Object.entries(expand([a, b]))) {
    assert.deepEqual(run.at(-1), name === 'states reversed' ? a : b, name)
  }
})

test('keys are delivered in both orders, alone, and after nothing', () => {
  const runs = expand([a, b])
  assert.deepEqual(
    [...(runs['keys reversed']?.[0] ?? [])],
    [
      ['y', '1'],
      ['x', '1'],
    ],
  )
  assert.deepEqual(
    runs['split into single keys']?.map((state) => [...state.keys()]),
    [['x'], ['x', 'y'], ['y']],
  )
  assert.deepEqual(
    runs['emptied between states']?.map((state) => state.size),
    [2, 0, 1],
  )
})
