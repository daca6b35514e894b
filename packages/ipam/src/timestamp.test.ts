import assert from 'node:assert/strict'
import { test } from 'node:test'
import { printTimestamp, unixNanoseconds } from './timestamp.ts'

const cases: [ns: bigint, text: string][] = [
  [1_714_557_600_500_000_000n, '2024-05-01 10:00:00.5 +0000 UTC'],
  [1_714_557_600_000_000_000n, '2024-05-01 10:00:00 +0000 UTC'],
  [1_714_557_600_094_999_990n, '2024-05-01 10:00:00.09499999 +0000 UTC'],
  [1_714_557_600_000_000_001n, '2024-05-01 10:00:00.000000001 +0000 UTC'],
]
for (const [ns, text] of cases)
  test(`printTimestamp() prints ${ns} as Go does`, () => assert.equal(printTimestamp(ns), text))

test('unixNanoseconds() is the time', () => {
  assert.ok(Math.abs(Number(unixNanoseconds() / 1_000_000n) - Date.now()) < 1000)
})
