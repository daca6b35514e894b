import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { diffMaps } from './diff.ts'

const same = (a: number, b: number): boolean => a === b

test('new and changed entries are upserts, unwanted ones removals, equal ones nothing', () => {
  const delta = diffMaps(
    new Map([
      ['new', 1],
      ['changed', 2],
      ['equal', 3],
    ]),
    new Map([
      ['changed', 9],
      ['equal', 3],
      ['gone', 4],
    ]),
    same,
  )
  assert.deepEqual(
    [...delta.upserts],
    [
      ['new', 1],
      ['changed', 2],
    ],
  )
  assert.deepEqual(delta.removals, ['gone'])
})

test('applying the difference to what is gives what is wanted, with no needless step', () => {
  const map = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(2))).map((entries) => new Map(entries))
  fc.assert(
    fc.property(map, map, (desired, actual) => {
      const { upserts, removals } = diffMaps(desired, actual, same)
      const result = new Map(actual)
      for (const key of removals) assert.ok(result.delete(key))
      for (const [key, value] of upserts) {
        assert.notEqual(result.get(key), value)
        result.set(key, value)
      }
      assert.deepEqual(Object.fromEntries(result), Object.fromEntries(desired))
    }),
  )
})
