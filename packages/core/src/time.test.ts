import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backoffMs, sleep, waitFor } from './time.ts'

test('backoffMs doubles its ceiling up to the cap', () => {
  const highest = (attempt: number): number => backoffMs(attempt, { baseMs: 100, capMs: 1000, random: () => 0.999999 })
  assert.deepEqual([0, 1, 2, 3, 4, 40].map(highest), [99, 199, 399, 799, 999, 999])
  assert.equal(backoffMs(5, { random: () => 0 }), 0)
})

test('backoffMs rejects attempts that are not whole numbers >= 0', () => {
  for (const attempt of [-1, 0.5, Number.NaN]) assert.throws(() => backoffMs(attempt), RangeError)
})

test('sleep ends early and quietly when aborted', async () => {
  const abort = new AbortController()
  const started = performance.now()
  setTimeout(() => abort.abort(), 20)
  await sleep(60_000, abort.signal)
  assert.ok(performance.now() - started < 30_000)
})

test('waitFor returns the first value, counting throws as "not yet"', async () => {
  let calls = 0
  const value = await waitFor(
    'a value',
    () => {
      calls++
      if (calls === 1) throw new Error('no')
      return calls === 3 ? 'yes' : undefined
    },
    { pollMs: 1 },
  )
  assert.deepEqual([value, calls], ['yes', 3])
})

test('waitFor times out naming what it waited for and what it last saw', async () => {
  await assert.rejects(
    waitFor(
      'the sun',
      () => {
        throw new Error('it is night')
      },
      { deadlineMs: 10, pollMs: 1 },
    ),
    { code: 'TIMED_OUT', message: 'Timed out after 10 ms waiting for the sun: it is night' },
  )
})
