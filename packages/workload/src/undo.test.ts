import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { undoneOnFailure } from './undo.ts'

test('a failure takes the steps back, the last first, whatever one of them says', async () => {
  const undone: string[] = []
  const warnings: unknown[] = []
  const log = { ...quietLogger, warn: (_: string, fields?: unknown) => warnings.push(fields) }
  const work = undoneOnFailure(log, async (undo) => {
    undo.push('the first', async () => undone.push('first'))
    undo.push('the second', () => Promise.reject(new Error('stuck')))
    undo.push('the third', async () => undone.push('third'))
    throw new Error('no more')
  })
  await assert.rejects(work, { message: 'no more' })
  assert.deepEqual(undone, ['third', 'first'])
  assert.partialDeepStrictEqual(warnings, [{ step: 'the second' }])
})

test('success takes nothing back', async () => {
  const undone: string[] = []
  const result = await undoneOnFailure(quietLogger, async (undo) => {
    undo.push('it', async () => undone.push('it'))
    return 'done'
  })
  assert.deepEqual([result, undone], ['done', []])
})
