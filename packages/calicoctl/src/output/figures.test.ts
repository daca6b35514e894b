import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fiveDigits, share } from './figures.ts'

describe('fiveDigits()', () => {
  const cases: [value: bigint | number, expected: string][] = [
    [0n, '0'],
    [64n, '64'],
    [65536n, '65536'],
    [131072n, '1.3107e+05'],
    [1n << 80n, '1.2089e+24'],
    [1n << 64n, '1.8447e+19'],
    [100000, '1e+05'],
    [0.5, '0.5'],
  ]
  for (const [value, expected] of cases) test(expected, () => assert.equal(fiveDigits(value), expected))
})

describe('share()', () => {
  test('rounds to whole percents', () => assert.equal(share(3n, 65536n), '3 (0%)'))
  test('says everything is free', () => assert.equal(share(65535n, 65536n), '65535 (100%)'))
  test('survives an empty whole', () => assert.equal(share(0n, 0n), '0 (0%)'))
})
