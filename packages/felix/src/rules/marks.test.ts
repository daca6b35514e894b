import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allocateMarks } from './marks.ts'

test("the default mask gives upstream's bits", () => {
  assert.deepEqual(allocateMarks(0xffff_0000), {
    accept: 0x1_0000,
    pass: 0x2_0000,
    drop: 0x4_0000,
    scratch: [0x8_0000, 0x10_0000],
  })
})

test('a mask with gaps and the highest bit', () => {
  assert.deepEqual(allocateMarks(0x8000_1111), { accept: 1, pass: 0x10, drop: 0x100, scratch: [0x1000, 0x8000_0000] })
})

test('a mask with too few bits is refused', () => {
  assert.throws(() => allocateMarks(0xf000_0000), {
    code: 'INVALID',
    message: /0xf0000000: want at least 5 bits, has 4/,
  })
})
