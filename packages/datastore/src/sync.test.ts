import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError, quietLogger, waitFor } from '@calico-node/core'
import fc from 'fast-check'
import type { KvStore, Snapshot } from './kv-store.ts'
import { MemoryKvStore } from './memory-store.ts'
import { sync, type SyncEvent } from './sync.ts'
import { SyncReplica } from './sync-replica.test.ts'

/** A store whose methods can be made to fail. */
function faulty(store: MemoryKvStore): KvStore & { fail: CalicoError | undefined } {
  const self = {
    fail: undefined as CalicoError | undefined,
    get: store.get.bind(store),
    count: store.count.bind(store),
    create: store.create.bind(store),
    put: store.put.bind(store),
    update: store.update.bind(store),
    delete: store.delete.bind(store),
    close: store.close.bind(store),
    async list(prefix: string): Promise<Snapshot> {
      if (self.fail !== undefined) throw self.fail
      return store.list(prefix)
    },
    async *watch(prefix: string, from: bigint, signal: AbortSignal): ReturnType<MemoryKvStore['watch']> {
      for await (const batch of store.watch(prefix, from, signal)) {
        if (self.fail !== undefined) throw self.fail
        yield batch
      }
    },
  }
  return self
}

const outage = new CalicoError('STORE_UNAVAILABLE', 'Cannot reach the store: it is a test')

async function firstEvents(store: KvStore, prefixes: readonly string[], wanted: number): Promise<SyncEvent[]> {
  const events: SyncEvent[] = []
  const { signal } = new AbortController()
  for await (const event of sync(store, prefixes, { log: quietLogger, signal })) if (events.push(event) >= wanted) break
  return events
}

describe('sync()', () => {
  test('tells all prefixes, then that it is in sync, and that it is connected', async () => {
    const store = new MemoryKvStore()
    const a = await store.put('/a/1', 'x')
    const b = await store.put('/b/1', 'y')
    const events = await firstEvents(store, ['/a/', '/b/', '/empty/'], 4)
    const updates = events.filter((event) => event.kind === 'updates').flatMap((event) => event.updates)
    assert.deepEqual(
      updates.toSorted((one, two) => (one.key < two.key ? -1 : 1)),
      [
        { key: '/a/1', kv: a },
        { key: '/b/1', kv: b },
      ],
    )
    const kinds = events.map((event) => event.kind)
    assert.ok(kinds.indexOf('in-sync') > kinds.lastIndexOf('updates'))
    assert.deepEqual(events.at(-1), { kind: 'connection', connected: true })
  })

  test('is in sync at once with nothing to follow, and ends when told', async () => {
    const stop = new AbortController()
    const events: SyncEvent[] = []
    for await (const event of sync(new MemoryKvStore(), [], { log: quietLogger, signal: stop.signal })) {
      events.push(event)
      stop.abort()
    }
    assert.deepEqual(events, [{ kind: 'in-sync' }])
  })

  test('ends at once when it was told to before', async () => {
    const events = await Array.fromAsync(
      sync(new MemoryKvStore(), ['/'], { log: quietLogger, signal: AbortSignal.abort() }),
    )
    assert.deepEqual(events, [])
  })

  test('an unreachable store is a lost connection with its reason, never an empty list', async (t) => {
    const store = new MemoryKvStore()
    await store.put('/a/1', 'x')
    const broken = faulty(store)
    broken.fail = outage
    const replica = new SyncReplica(broken, ['/a/'])
    t.after(() => replica.stop())
    await waitFor('the outage to be told', () => replica.reasons.length > 0)
    assert.deepEqual(replica.reasons, [outage.message])
    assert.equal(replica.inSync, 0)
    broken.fail = undefined
    await replica.catchesUpWith(store, ['/a/'])
    assert.deepEqual(replica.connection, [false, true])
    assert.equal(replica.inSync, 1)
  })

  test('a fault in the program ends it with that error', async () => {
    const broken = faulty(new MemoryKvStore())
    broken.fail = new CalicoError('INVALID', 'Cannot do this')
    await assert.rejects(firstEvents(broken, ['/a/', '/b/'], 9), { code: 'INVALID' })
  })

  test('a consumer that leaves takes the watches with it', async () => {
    let watches = 0
    const store = new MemoryKvStore()
    const counted = faulty(store)
    counted.watch = async function* (prefix, from, signal) {
      watches += 1
      try {
        yield* store.watch(prefix, from, signal)
      } finally {
        watches -= 1
      }
    }
    await firstEvents(counted, ['/a/', '/b/'], 2)
    assert.equal(watches, 0)
  })

  test('whatever happens, the replica ends up with what a fresh list shows', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('put' as const),
        key: fc.constantFrom('/a/1', '/a/2', '/b/1', '/c/1'),
        value: fc.string(),
      }),
      fc.record({ kind: fc.constant('delete' as const), key: fc.constantFrom('/a/1', '/a/2', '/b/1') }),
      fc.record({ kind: fc.constantFrom('break' as const, 'mend' as const, 'compact' as const, 'pause' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const store = new MemoryKvStore()
        const broken = faulty(store)
        const replica = new SyncReplica(broken, ['/a/', '/b/'])
        for (const one of steps) {
          if (one.kind === 'put') await store.put(one.key, one.value)
          else if (one.kind === 'delete') await store.delete(one.key).catch(() => undefined)
          else if (one.kind === 'compact') store.compact()
          else if (one.kind === 'pause') await new Promise((resolve) => setImmediate(resolve))
          else broken.fail = one.kind === 'break' ? outage : undefined
        }
        broken.fail = undefined
        await replica.catchesUpWith(store, ['/a/', '/b/'], 5000)
        await replica.stop()
      }),
      { numRuns: 40 },
    )
  })
})
