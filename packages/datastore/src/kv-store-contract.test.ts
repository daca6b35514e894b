import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hasCode, waitFor } from '@calico-node/core'
import type { KvStore, WatchBatch, WatchEvent } from './kv-store.ts'

export interface StoreUnderTest {
  readonly store: KvStore
  /** Forgets history up to and including `revision`. */
  readonly compact: (revision: bigint) => Promise<void>
  readonly stop: () => Promise<void>
}

const brief = (event: WatchEvent): string =>
  event.type === 'put'
    ? `${event.kv.createRevision === event.kv.modRevision ? 'create' : 'update'} ${event.kv.key}=${event.kv.value}`
    : `delete ${event.key}, was ${event.previous?.value}`

/** Reads a watch until it has brought `wanted` events; what it brought, in order. */
async function take(batches: AsyncIterable<WatchBatch>, wanted: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = []
  if (wanted === 0) return events
  for await (const batch of batches) {
    events.push(...batch.events)
    if (events.length >= wanted) break
  }
  return events
}

/** What every KvStore must do; run against each implementation. */
export function describeKvStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a KvStore`, () => {
    let subject: StoreUnderTest
    let store: KvStore
    before(async () => {
      subject = await open()
      store = subject.store
    })
    after(() => subject.stop())

    test('create makes a key once', async () => {
      const kv = await store.create('/create/a', 'one')
      assert.equal(kv.createRevision, kv.modRevision)
      assert.deepEqual(await store.get('/create/a'), kv)
      await assert.rejects(store.create('/create/a', 'two'), (err) => {
        assert.ok(hasCode(err, 'ALREADY_EXISTS'))
        assert.deepEqual(err.context['current'], kv)
        return true
      })
      assert.deepEqual(await store.get('/create/a'), kv)
    })

    test('update writes over the seen revision only', async () => {
      const first = await store.create('/update/a', 'one')
      const second = await store.update('/update/a', 'two', first.modRevision)
      assert.equal(second.createRevision, first.createRevision)
      assert.ok(second.modRevision > first.modRevision)
      await assert.rejects(store.update('/update/a', 'three', first.modRevision), (err) => {
        assert.ok(hasCode(err, 'CONFLICT'))
        assert.deepEqual(err.context['current'], second)
        return true
      })
      await assert.rejects(store.update('/update/absent', 'x', first.modRevision), { code: 'NOT_FOUND' })
      assert.deepEqual(await store.get('/update/a'), second)
    })

    test('put writes over anything', async () => {
      const first = await store.put('/put/a', 'one')
      const second = await store.put('/put/a', 'zwei: \u{1f600}')
      assert.equal(second.createRevision, first.createRevision)
      assert.deepEqual(await store.get('/put/a'), second)
    })

    test('delete returns what it deleted, and minds the revision', async () => {
      const first = await store.create('/delete/a', 'one')
      const second = await store.update('/delete/a', 'two', first.modRevision)
      await assert.rejects(store.delete('/delete/a', { modRevision: first.modRevision }), { code: 'CONFLICT' })
      assert.deepEqual(await store.delete('/delete/a', { modRevision: second.modRevision }), second)
      await assert.rejects(store.delete('/delete/a', { modRevision: second.modRevision }), { code: 'NOT_FOUND' })
      await assert.rejects(store.delete('/delete/a'), { code: 'NOT_FOUND' })
      const again = await store.create('/delete/a', 'three')
      assert.ok(again.createRevision > first.createRevision)
      assert.deepEqual(await store.delete('/delete/a'), again)
      assert.equal(await store.get('/delete/a'), undefined)
    })

    test('of many writers over one revision, one wins', async () => {
      const seen = await store.create('/race/a', 'start')
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) => store.update('/race/a', `writer ${i}`, seen.modRevision)),
      )
      const won = outcomes.filter((outcome) => outcome.status === 'fulfilled').map((outcome) => outcome.value)
      assert.equal(won.length, 1)
      assert.deepEqual(await store.get('/race/a'), won[0])
    })

    test('list gives a prefix in key order, at one revision, now or in the past', async () => {
      for (const key of ['/list/b', '/list/a', '/list/c/d', '/lisu', '/list']) await store.create(key, key)
      const then = await store.list('/list/')
      assert.deepEqual(
        then.kvs.map((kv) => kv.key),
        ['/list/a', '/list/b', '/list/c/d'],
      )
      await store.delete('/list/a')
      const now = await store.list('/list/')
      assert.deepEqual(
        now.kvs.map((kv) => kv.key),
        ['/list/b', '/list/c/d'],
      )
      assert.ok(now.revision > then.revision)
      assert.deepEqual(await store.list('/list/', { revision: then.revision }), then)
      assert.equal((await store.get('/list/a', { revision: then.revision }))?.value, '/list/a')
      assert.deepEqual(await store.count('/list/'), { count: 2, headRevision: now.revision })
      assert.deepEqual(await store.count('/list/', { revision: then.revision }), {
        count: 3,
        headRevision: now.revision,
      })
      assert.deepEqual((await store.list('/nothing/')).kvs, [])
    })

    test('reading a revision that is not reached yet is COMPACTED', async () => {
      const { headRevision } = await store.count('/list/')
      await assert.rejects(store.list('/list/', { revision: headRevision + 10n }), { code: 'COMPACTED' })
    })

    test('watch replays history and then follows, in order, each event once', async () => {
      const first = await store.create('/watch/a', '1')
      await store.update('/watch/a', '2', first.modRevision)
      await store.delete('/watch/a')
      await store.create('/watched-not', 'x')
      const stop = new AbortController()
      const live = take(store.watch('/watch/', first.modRevision, stop.signal), 6)
      for (const value of ['3', '4']) await store.put('/watch/a', value)
      await store.put('/watch/b', '5')
      const events = (await live).map(brief)
      assert.deepEqual(events, [
        'create /watch/a=1',
        'update /watch/a=2',
        'delete /watch/a, was 2',
        'create /watch/a=3',
        'update /watch/a=4',
        'create /watch/b=5',
      ])
      stop.abort()
    })

    test('a watch begins with an empty batch, resumes at nextRevision and ends when told', async () => {
      const kv = await store.create('/resume/a', '1')
      const stop = new AbortController()
      const batches = store.watch('/resume/', kv.modRevision + 1n, stop.signal)
      const iterator = batches[Symbol.asyncIterator]()
      const opening = await iterator.next()
      assert.deepEqual(opening.value, { events: [], nextRevision: kv.modRevision + 1n })
      await store.put('/resume/a', '2')
      const second = await iterator.next()
      assert.deepEqual(second.value?.events.map(brief), ['update /resume/a=2'])
      const ending = iterator.next()
      stop.abort()
      assert.equal((await ending).done, true)
      await store.put('/resume/a', '3')
      const rest = await take(store.watch('/resume/', second.value.nextRevision, new AbortController().signal), 1)
      assert.deepEqual(rest.map(brief), ['update /resume/a=3'])
    })

    test('a watch of the past that is gone, or of a far future, is COMPACTED', async () => {
      const first = await store.create('/compact/a', '1')
      const second = await store.put('/compact/a', '2')
      await store.put('/compact/a', '3')
      await subject.compact(second.modRevision)
      const { signal } = new AbortController()
      await assert.rejects(take(store.watch('/compact/', first.modRevision, signal), 3), { code: 'COMPACTED' })
      await assert.rejects(store.list('/compact/', { revision: first.modRevision }), { code: 'COMPACTED' })
      const rest = await take(store.watch('/compact/', second.modRevision + 1n, signal), 1)
      assert.deepEqual(rest.map(brief), ['update /compact/a=3'])
      const { headRevision } = await store.count('/compact/')
      await assert.rejects(take(store.watch('/compact/', headRevision + 5n, signal), 1), { code: 'COMPACTED' })
    })

    test('a key with a time to live goes by itself, and a watch hears of it', async () => {
      const kv = await store.put('/ttl/a', 'short', { ttlSeconds: 1 })
      const { signal } = new AbortController()
      const [event] = await take(store.watch('/ttl/', kv.modRevision + 1n, signal), 1)
      assert.equal(event && brief(event), 'delete /ttl/a, was short')
      await waitFor('the key to be gone', async () => (await store.get('/ttl/a')) === undefined)
    })

    test('putting again without a time to live makes the key permanent', async () => {
      await store.put('/ttl/b', 'short', { ttlSeconds: 1 })
      const kept = await store.put('/ttl/b', 'kept')
      const canary = await store.put('/ttl/canary', 'short', { ttlSeconds: 2 })
      await take(store.watch('/ttl/canary', canary.modRevision + 1n, new AbortController().signal), 1)
      assert.deepEqual(await store.get('/ttl/b'), kept)
    })

    test('a call that its caller has given up is STORE_UNAVAILABLE', async () => {
      await assert.rejects(store.get('/any', { signal: AbortSignal.abort() }), { code: 'STORE_UNAVAILABLE' })
    })

    test('after close every call is STORE_UNAVAILABLE and watches end', async () => {
      const other = await open()
      const watching = take(other.store.watch('/', 1n, new AbortController().signal), 1)
      other.store.close()
      await assert.rejects(watching, { code: 'STORE_UNAVAILABLE' })
      await assert.rejects(other.store.get('/any'), { code: 'STORE_UNAVAILABLE' })
      await other.stop()
    })
  })
}
