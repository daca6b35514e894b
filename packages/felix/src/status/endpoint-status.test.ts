import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { CalicoError, quietLogger, waitFor } from '@calico-node/core'
import { type KeyValue, type KvStore, MemoryKvStore, type PutOptions } from '@calico-node/datastore'
import { EndpointStatus } from './endpoint-status.ts'

const PREFIX = '/status/'
const up = JSON.stringify({ status: 'up' })

describe('EndpointStatus', () => {
  let store: KvStore
  let status: EndpointStatus
  let stop: AbortController
  let running: Promise<void>
  const stored = async () => Object.fromEntries((await store.list('/')).kvs.map(({ key, value }) => [key, value]))
  const becomes = (what: string, content: Record<string, string>) =>
    waitFor(what, async () => JSON.stringify(await stored()) === JSON.stringify(content))

  beforeEach(() => {
    store = new MemoryKvStore()
    status = new EndpointStatus({ store, prefixes: [PREFIX], delayMs: () => 5, log: quietLogger })
    stop = new AbortController()
    running = status.run(stop.signal)
  })
  afterEach(async () => {
    stop.abort()
    await running
    store.close()
  })

  test('writes what endpoints are, and forgets those that are gone', async () => {
    status.start()
    status.set('/status/a', 'up')
    status.set('/status/b', 'error')
    await becomes('both states', { '/status/a': up, '/status/b': JSON.stringify({ status: 'error' }) })
    status.set('/status/b', undefined)
    await becomes('one state', { '/status/a': up })
  })

  test('repairs what a predecessor left, and touches nothing outside its prefix', async () => {
    await store.put('/status/gone', up)
    await store.put('/status/a', JSON.stringify({ status: 'down' }))
    await store.put('/other', up)
    status.set('/status/a', 'up')
    status.start()
    await becomes('the present states', { '/other': up, '/status/a': up })
  })

  test('writes nothing before the data plane is in sync', async () => {
    await store.put('/status/old', up)
    status.set('/status/a', 'up')
    stop.abort()
    await running
    assert.deepEqual(await stored(), { '/status/old': up })
  })

  test('a state that changes back before its turn is never written', async () => {
    status.start()
    status.set('/status/a', 'up')
    await becomes('the first state', { '/status/a': up })
    const { revision } = await store.list('/')
    status.set('/status/a', 'down')
    status.set('/status/a', 'up')
    status.set('/status/b', 'up')
    await becomes('the other state', { '/status/a': up, '/status/b': up })
    const batches = store.watch('/status/a', revision + 1n, AbortSignal.timeout(50))
    const downs: string[] = []
    for await (const { events } of batches)
      for (const event of events) if (event.type === 'put') downs.push(event.kv.value)
    assert.deepEqual(
      downs.filter((value) => value !== up),
      [],
    )
  })
})

test('EndpointStatus makes up for writes that failed', async () => {
  class FlakyStore extends MemoryKvStore {
    failures = 3
    override async put(key: string, value: string, opts?: PutOptions): Promise<KeyValue> {
      if (this.failures-- > 0) throw new CalicoError('STORE_UNAVAILABLE', 'Cannot put: away')
      return super.put(key, value, opts)
    }
  }
  const store = new FlakyStore()
  const status = new EndpointStatus({ store, prefixes: [PREFIX], delayMs: () => 1, log: quietLogger })
  const stop = new AbortController()
  const running = status.run(stop.signal)
  status.start()
  status.set('/status/a', 'up')
  await waitFor('the state', async () => (await store.get('/status/a'))?.value === up)
  stop.abort()
  await running
})
