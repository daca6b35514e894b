import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { MemoryKvStore } from '@calico-node/datastore'
import { blockKey, parseCidr } from '@calico-node/model'
import { BlockFollower } from './block-follower.ts'

const key = (cidr: string): string => blockKey(parseCidr(cidr))

test('BlockFollower reads nothing until it is wanted, and then all of it, each time', async () => {
  let lists = 0
  class CountingStore extends MemoryKvStore {
    override list(...args: Parameters<MemoryKvStore['list']>): ReturnType<MemoryKvStore['list']> {
      lists++
      return super.list(...args)
    }
  }
  const store = new CountingStore()
  await store.put(key('10.0.0.0/26'), 'a')
  const told: string[] = []
  let listed = 0
  const follower = new BlockFollower({
    store,
    log: quietLogger,
    onUpdates: (updates) =>
      told.push(...updates.map((update) => `${update.key.split('/').at(-1)} ${update.kv?.value ?? 'gone'}`)),
    onListed: () => void listed++,
  })
  const stop = new AbortController()
  const running = follower.run(stop.signal)
  assert.deepEqual([follower.isComplete, lists], [true, 0])

  follower.want(true)
  assert.equal(follower.isComplete, false)
  await waitFor('the list', () => follower.isComplete)
  await store.put(key('10.0.0.64/26'), 'b')
  await waitFor('the change', () => told.length === 2)
  assert.deepEqual(told, ['10.0.0.0-26 a', '10.0.0.64-26 b'])

  follower.want(false)
  assert.equal(follower.isComplete, true)
  await store.put(key('10.0.0.0/26'), 'c')
  follower.want(true)
  await waitFor('the second list', () => listed === 2)
  assert.deepEqual(told.slice(2).toSorted(), ['10.0.0.0-26 c', '10.0.0.64-26 b'])

  stop.abort()
  await running
})
