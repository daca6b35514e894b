import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SharedValues } from './shared-values.ts'

const pairs = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 })), {
  selector: ([name]) => name,
  maxLength: 4,
})

test('what is shared says what was asked for, and equal things are one', () => {
  fc.assert(
    fc.property(fc.array(pairs), (all) => {
      const shared = new SharedValues()
      for (const each of [...all, ...all]) {
        assert.deepEqual([...shared.labels(each)], each)
        assert.equal(shared.labels(each), shared.labels(structuredClone(each)))
        const names = each.map(([name]) => name)
        assert.deepEqual(shared.profiles(names), names)
        assert.equal(shared.profiles(names), shared.profiles([...names]))
      }
    }),
  )
})

test('more than it keeps are as right as the first ones', () => {
  const shared = new SharedValues()
  for (let at = 0; at < 50_000; at++) assert.equal(shared.labels([['at', String(at)]]).get('at'), String(at))
  for (let at = 0; at < 50_000; at++) assert.deepEqual(shared.profiles([String(at)]), [String(at)])
})
