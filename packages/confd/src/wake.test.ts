import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Wake } from './wake.ts'

const { signal } = new AbortController()
const timed = async (work: Promise<void>): Promise<number> => {
  const started = performance.now()
  await work
  return performance.now() - started
}

describe('Wake', () => {
  test('a flag that was raised while nobody waited is not lost, and counts once', async () => {
    const wake = new Wake()
    wake.raise()
    wake.raise()
    assert.ok((await timed(wake.wait(5000, signal))) < 1000)
    assert.ok((await timed(wake.wait(20, signal))) >= 15)
  })
  test('wakes a sleeper', async () => {
    const wake = new Wake()
    setTimeout(() => wake.raise(), 10)
    assert.ok((await timed(wake.wait(5000, signal))) < 2000)
  })
  test('an abort ends the wait, also one that came before', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 10)
    const wake = new Wake()
    assert.ok((await timed(wake.wait(5000, stop.signal))) < 2000)
    assert.ok((await timed(wake.wait(5000, stop.signal))) < 2000)
  })
})
