import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { keyAfter, prefixRange } from './wire.ts'

describe('prefixRange()', () => {
  const inRange = (key: Buffer, { key: from, range_end: end }: ReturnType<typeof prefixRange>): boolean =>
    key.compare(from) >= 0 && (end.equals(Buffer.from([0])) || key.compare(end) < 0)

  test('holds exactly the keys that begin with the prefix', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme', minLength: 1 }), (prefix, other) => {
        const range = prefixRange(prefix)
        assert.ok(inRange(Buffer.from(prefix + other), range))
        assert.equal(
          inRange(Buffer.from(other), range),
          other.startsWith(prefix) || Buffer.from(other).indexOf(Buffer.from(prefix)) === 0,
        )
      }),
    ))

  test('of nothing is everything', () => {
    assert.deepEqual(prefixRange(''), { key: Buffer.from([0]), range_end: Buffer.from([0]) })
  })
})

test('no key lies between a key and the one after it', () => {
  const key = Buffer.from('/a')
  assert.ok(keyAfter(key).compare(key) > 0)
  assert.ok(keyAfter(key).compare(Buffer.from('/a\u0000\u0000')) < 0)
})
