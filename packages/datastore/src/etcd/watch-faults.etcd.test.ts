/** A watch that is cut, fed faster than it is read, refused: nothing lost, nothing twice, in order. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hasCode, quietLogger, sleep } from '@calico-node/core'
import { CuttingProxy, TestEtcd, withEtcd } from '@calico-node/testkit'
import { storeFor } from '../fixtures.test.ts'
import type { KvStore, WatchEvent } from '../kv-store.ts'
import { openEtcd } from './etcd-store.ts'

const nameOf = (i: number): string => String(i).padStart(5, '0')

/** Writes keys 0 to `count` - 1 below `prefix`, each with a revision of its own; the first of these revisions. */
async function writeKeys(store: KvStore, prefix: string, count: number, value = 'v'): Promise<bigint> {
  const { headRevision } = await store.count(prefix)
  for (let i = 0; i < count; i += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, count - i) }, (_, j) => store.put(prefix + nameOf(i + j), value)),
    )
  }
  return headRevision + 1n
}

/** Watches through as many connections as it takes to see `wanted` events. */
async function watchOn(store: KvStore, prefix: string, from: bigint, wanted: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = []
  const { signal } = new AbortController()
  let next = from
  for (let connections = 0; connections < 60; connections++) {
    try {
      for await (const batch of store.watch(prefix, next, signal)) {
        events.push(...batch.events)
        next = batch.nextRevision
        if (events.length >= wanted) return events
      }
    } catch (err) {
      if (!hasCode(err, 'STORE_UNAVAILABLE')) throw err
    }
  }
  return events
}

const revisions = (events: readonly WatchEvent[]): bigint[] =>
  events.map((event) => (event.type === 'put' ? event.kv.modRevision : event.modRevision))

function assertComplete(events: readonly WatchEvent[], prefix: string, count: number): void {
  const seen = revisions(events)
  assert.ok(
    seen.every((revision, i) => i === 0 || revision > (seen[i - 1] ?? 0n)),
    'in order, none twice',
  )
  const keys = events.map((event) => (event.type === 'put' ? event.kv.key : event.key)).toSorted()
  assert.deepEqual(
    keys,
    Array.from({ length: count }, (_, i) => prefix + nameOf(i)),
  )
}

describe('a watch through a faulty network', () => {
  let etcd: TestEtcd
  let proxy: CuttingProxy
  let direct: KvStore
  let store: KvStore
  before(async () => {
    etcd = await TestEtcd.start()
    proxy = await CuttingProxy.start(etcd.member.clientPort)
    direct = openEtcd({ endpoints: etcd.urls }, quietLogger)
    store = openEtcd({ endpoints: [`http://127.0.0.1:${proxy.port}`] }, quietLogger)
  })
  after(async () => {
    store.close()
    direct.close()
    await proxy.stop()
    await etcd.stop()
  })

  for (const cutAfterBytes of [250_000, 400_000, 700_000]) {
    test(`cut every ${cutAfterBytes} bytes while it catches up with 6000 revisions, it misses none`, async () => {
      const prefix = `/catch-up-${cutAfterBytes}/`
      const from = await writeKeys(direct, prefix, 6000, 'x'.repeat(100))
      proxy.cutAfterBytes = cutAfterBytes
      const cutsBefore = proxy.cuts
      const events = await watchOn(store, prefix, from, 6000)
      proxy.cutAfterBytes = Infinity
      assert.ok(proxy.cuts > cutsBefore, 'the connection was cut')
      assertComplete(events, prefix, 6000)
    })
  }

  test('cut again and again while others write, it misses nothing', async () => {
    const from = (await direct.count('/live/')).headRevision + 1n
    const writing = writeKeys(direct, '/live/', 3000)
    const cutting = setInterval(() => proxy.cut(), 100)
    const events = await watchOn(store, '/live/', from, 3000)
    clearInterval(cutting)
    await writing
    assertComplete(events, '/live/', 3000)
  })

  test('events that arrive with the confirmation, long before they are read, are kept', async () => {
    const from = await writeKeys(direct, '/early/', 50)
    for (let round = 0; round < 20; round++) {
      const iterator = store.watch('/early/', from, new AbortController().signal)[Symbol.asyncIterator]()
      await iterator.next()
      await sleep(round)
      const { value } = await iterator.next()
      assertComplete(value?.events ?? [], '/early/', 50)
      await iterator.return?.()
    }
  })

  test('a message of more than 4 MB is taken whole', async () => {
    const from = await writeKeys(direct, '/large/', 1000, 'x'.repeat(6000))
    assertComplete(await watchOn(store, '/large/', from, 1000), '/large/', 1000)
  })

  test('a reader that pauses holds the stream back, and loses nothing', async () => {
    const from = await writeKeys(direct, '/slow/', 5000, 'x'.repeat(2000))
    const events: WatchEvent[] = []
    for await (const batch of store.watch('/slow/', from, new AbortController().signal)) {
      events.push(...batch.events)
      if (events.length >= 5000) break
      await sleep(50)
    }
    assertComplete(events, '/slow/', 5000)
  })

  test('progress without events moves the place to resume at', async (t) => {
    await withEtcd({ args: ['--experimental-watch-progress-notify-interval=200ms'] }, async (quick) => {
      const other = storeFor(t, { endpoints: quick.urls })
      const iterator = other.watch('/quiet/', 2n, new AbortController().signal)[Symbol.asyncIterator]()
      assert.equal((await iterator.next()).value?.nextRevision, 2n)
      const { modRevision } = await other.put('/elsewhere', 'x')
      let nextRevision = 0n
      while (nextRevision <= modRevision) nextRevision = (await iterator.next()).value?.nextRevision ?? 0n
      assert.equal(nextRevision, modRevision + 1n)
    })
  })

  test('after close nothing is connected any more', async (t) => {
    const other = storeFor(t, { endpoints: [`http://127.0.0.1:${proxy.port}`] })
    const iterator = other.watch('/closed/', 1n, new AbortController().signal)[Symbol.asyncIterator]()
    await iterator.next()
    const ending = assert.rejects(iterator.next(), { code: 'STORE_UNAVAILABLE' })
    other.close()
    await ending
    const { accepted } = proxy
    proxy.cut()
    await sleep(1500)
    assert.equal(proxy.accepted, accepted)
  })
})

test('a watch that is refused does not hold up the next one', (t) =>
  withEtcd({ rootPassword: 'root' }, async (etcd) => {
    for (const command of [
      ['user', 'add', 'felix:secret'],
      ['role', 'add', 'reader'],
      ['user', 'grant-role', 'felix', 'reader'],
      ['role', 'grant-permission', 'reader', 'readwrite', '/allowed/', '--prefix'],
    ])
      await etcd.ctl(...command)
    const store = storeFor(t, { endpoints: etcd.urls, username: 'felix', password: 'secret' })
    const { signal } = new AbortController()
    const refused = store.watch('/denied/', 1n, signal)[Symbol.asyncIterator]()
    await assert.rejects(refused.next(), { code: 'FORBIDDEN', message: /etcd user "felix" has no permission/ })
    const from = await writeKeys(store, '/allowed/', 3)
    assertComplete(await watchOn(store, '/allowed/', from, 3), '/allowed/', 3)
  }))
