import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryKvStore } from '../memory-store.ts'
import { judge, type KeyHistory } from './lost-answers.ts'

const KEY = '/k'
const history = (store: MemoryKvStore): KeyHistory => ({
  get: (key, revision) => store.get(key, revision === undefined ? {} : { revision }),
})

/** What somebody else does to the key: writes a value, or deletes it (undefined). */
const deed = fc.option(fc.constantFrom('theirs', 'others'), { nil: undefined })
async function apply(store: MemoryKvStore, deeds: readonly (string | undefined)[]): Promise<void> {
  for (const value of deeds) {
    if (value !== undefined) await store.put(KEY, value)
    else if ((await store.get(KEY)) !== undefined) await store.delete(KEY)
  }
}

test('a verdict is never wrong, whatever others did before and after', () =>
  fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.array(deed, { maxLength: 4 }),
      fc.boolean(),
      fc.array(deed, { maxLength: 6 }),
      async (exists, before, sent, after) => {
        const store = new MemoryKvStore()
        const seen = exists ? (await store.put(KEY, 'seen')).modRevision : 0n
        await apply(store, before)
        const current = await store.get(KEY)
        const carriedOut = sent && (current?.modRevision ?? 0n) === seen
        if (carriedOut) await store.put(KEY, 'ours')
        await apply(store, after)
        const verdict = await judge(history(store), KEY, seen, 'ours')
        if (verdict.kind === 'ours') assert.ok(carriedOut)
        if (verdict.kind === 'theirs' && exists) assert.ok(!carriedOut)
        if (verdict.kind === 'unchanged') assert.equal((await store.get(KEY))?.modRevision ?? 0n, seen)
        if (verdict.kind === 'gone') assert.equal(await store.get(KEY), undefined)
        if (carriedOut && after.length === 0) assert.equal(verdict.kind, 'ours')
      },
    ),
    { numRuns: 500 },
  ))

test('compacted history cannot be told', async () => {
  const store = new MemoryKvStore()
  const seen = await store.put(KEY, 'seen')
  for (const value of ['ours', 'theirs', 'others']) await store.put(KEY, value)
  assert.equal((await judge(history(store), KEY, seen.modRevision, 'ours')).kind, 'ours')
  store.compact()
  assert.equal((await judge(history(store), KEY, seen.modRevision, 'ours')).kind, 'unknown')
})
