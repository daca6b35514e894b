import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseBigJson, printBigJson } from './big-json.ts'

describe('numbers keep every digit', () => {
  test('nanoseconds since 1970 become bigints, small numbers stay', () => {
    const text = '{"sequenceNumber":1714557600123456791,"at":{"0":1714557600123456789},"n":12,"half":0.5,"e":1e21}'
    const value = parseBigJson(text)
    assert.deepEqual(value, {
      sequenceNumber: 1714557600123456791n,
      at: { 0: 1714557600123456789n },
      n: 12,
      half: 0.5,
      e: 1e21,
    })
    assert.equal(printBigJson(value), text.replace('1e21', '1e+21'))
  })
  test('the edge of what a double holds', () => {
    assert.deepEqual(parseBigJson('[9007199254740991,9007199254740992,-9007199254740993]'), [
      9007199254740991,
      9007199254740992n,
      -9007199254740993n,
    ])
  })
  test('digits inside strings are left alone', () => {
    assert.deepEqual(parseBigJson('{"id":"1714557600123456791"}'), { id: '1714557600123456791' })
  })
  test('property: any bigint survives', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
        const again = parseBigJson(printBigJson([value]))
        assert.ok(Array.isArray(again))
        assert.equal(BigInt(again[0]), value)
      }),
    )
  })
})

describe('printing follows Go', () => {
  test('<, > and & in strings are escaped, and the line separators of JavaScript', () => {
    assert.equal(
      printBigJson({ 'a<': 'b && c>\u2028\u2029' }),
      String.raw`{"a\u003c":"b \u0026\u0026 c\u003e\u2028\u2029"}`,
    )
  })
  test('undefined fields vanish', () => assert.equal(printBigJson({ a: undefined, b: null }), '{"b":null}'))
  test('property: any JSON survives', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        assert.deepEqual(JSON.parse(printBigJson(value)), JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

test('what is no JSON is INVALID', () => {
  for (const text of ['', '{', '{"a":1714557600123456791', 'nope'])
    assert.throws(() => parseBigJson(text), { code: 'INVALID' })
})
