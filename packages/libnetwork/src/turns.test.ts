import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

test('Turns: one at a time for a key, in order, whatever fails; others do not wait', async () => {
  const turns = new Turns()
  const log: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.take('a', async () => {
    await gate.promise
    log.push('a1')
    throw new Error('a1 failed')
  })
  const second = turns.take('a', async () => log.push('a2'))
  await turns.take('b', async () => log.push('b1'))
  assert.deepEqual(log, ['b1'])
  gate.resolve()
  await assert.rejects(first, { message: 'a1 failed' })
  await second
  assert.deepEqual(log, ['b1', 'a1', 'a2'])
})
