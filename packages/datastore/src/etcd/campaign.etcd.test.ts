/**
 * Everything at once: writers count up shared counters through networks that cut, delay and swallow, the leader is killed
 * on the way, and a follower behind such a network must end up with the same state. A count that is off would mean a write
 * that was lost, or carried out twice.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode, sleep } from '@calico-node/core'
import { BadNetwork, withEtcd } from '@calico-node/testkit'
import { replicaFor, storeFor } from '../fixtures.test.ts'
import type { KvStore } from '../kv-store.ts'

const COUNTERS = ['/counter/a', '/counter/b', '/counter/c']
const LASTS_MS = 8000

interface Tally {
  done: number
  untold: number
}

/** Counts up until `signal`; each value says who wrote it, so no two writes look alike. */
async function countUp(
  store: KvStore,
  writer: number,
  tallies: ReadonlyMap<string, Tally>,
  signal: AbortSignal,
): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const key = COUNTERS[i % COUNTERS.length] ?? ''
    const tally = tallies.get(key)
    assert.ok(tally)
    try {
      const kv = await store.get(key)
      assert.ok(kv)
      const [count] = kv.value.split(' ')
      await store.update(key, `${Number(count) + 1} writer ${writer} turn ${i}`, kv.modRevision)
      tally.done += 1
    } catch (err) {
      if (hasCode(err, 'AMBIGUOUS')) tally.untold += 1
      else if (!hasCode(err, 'CONFLICT', 'STORE_UNAVAILABLE')) throw err
    }
  }
}

test('no count is lost, none is counted twice, and the follower sees the same', (t) =>
  withEtcd({ members: 3 }, async (etcd) => {
    const direct = storeFor(t, { endpoints: etcd.urls })
    for (const key of COUNTERS) await direct.create(key, '0')
    const tallies = new Map(COUNTERS.map((key) => [key, { done: 0, untold: 0 }]))
    const networks = await Promise.all([1, 2, 3, 4, 5].map(() => BadNetwork.between(etcd)))
    t.after(() => Promise.all(networks.map((network) => network.stop())))
    const [watching, ...writing] = networks.map(({ endpoints }) => storeFor(t, { endpoints, timeoutMs: 2000 }))
    assert.ok(watching)
    const replica = replicaFor(t, watching, ['/counter/'])
    const over = AbortSignal.timeout(LASTS_MS)
    const writers = writing.map((store, writer) => countUp(store, writer, tallies, over))

    await sleep(LASTS_MS / 3)
    await etcd.member.stop('SIGKILL')
    await sleep(LASTS_MS / 3)
    await etcd.restart(etcd.member)
    await Promise.all(writers)
    await Promise.all(networks.map((network) => network.heal()))

    for (const [key, { done, untold }] of tallies) {
      const count = Number((await direct.get(key))?.value.split(' ')[0])
      assert.ok(count >= done && count <= done + untold, `${key}: ${done} done, ${untold} untold, counted ${count}`)
      assert.ok(done > 20, `${key}: only ${done} writes`)
    }
    const all = [...tallies.values()]
    const done = all.reduce((sum, tally) => sum + tally.done, 0)
    const untold = all.reduce((sum, tally) => sum + tally.untold, 0)
    t.diagnostic(`${done} writes, ${untold} more that could not be told`)
    assert.ok(untold * 20 < done, `${untold} of ${done} writes could not be told`)
    await replica.catchesUpWith(direct, ['/counter/'])
  }))
