// The plugins under faults: killed at any moment, without etcd, out of addresses, many at a time. Nothing leaks and a retry
// succeeds.
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { makeResource } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import { NOTHING_LEFT, Runtime } from './runtime.ts'

requireOwnNamespace()

let runtime: Runtime
before(async () => {
  runtime = await Runtime.start()
})
after(() => runtime.stop())
beforeEach(async () => {
  await runtime.reset()
  await runtime.addNetns('c1')
})

/** Long enough for the whole verb on a busy machine; the steps are small enough to hit each of its parts. */
const KILL_DELAYS_MS = Array.from({ length: 8 }, (_, n) => 60 + n * 50)

test('ADD that is killed at any moment is taken up by the next ADD and cleared by DEL', async () => {
  let killed = 0
  for (const killAfterMs of KILL_DELAYS_MS) {
    if ((await runtime.call('ADD', { killAfterMs })).status === 137) killed++
    const { ips } = await runtime.must('ADD')
    assert.equal((await runtime.ipam()).allocations.length, ips.length)
    await runtime.must('DEL')
    if ((await runtime.call('ADD', { killAfterMs })).status === 137) killed++
    await runtime.must('DEL')
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT, `after a kill at ${killAfterMs} ms`)
  }
  assert.ok(killed > KILL_DELAYS_MS.length / 2, `only ${killed} calls were killed: the delays are too long`)
})

test('DEL that is killed at any moment is finished by the next DEL', async () => {
  for (const killAfterMs of KILL_DELAYS_MS.filter((_, n) => n % 2 === 0)) {
    await runtime.must('ADD')
    await runtime.call('DEL', { killAfterMs })
    await runtime.must('DEL')
    assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT, `after a kill at ${killAfterMs} ms`)
  }
})

test('without etcd ADD and DEL fail with "try again", say why, and succeed later', async () => {
  await runtime.must('ADD')
  await runtime.etcd.member.stop()
  for (const command of ['DEL', 'ADD']) {
    const { status, json } = await runtime.call(command)
    assert.deepEqual([status, json['code']], [1, 11])
    assert.match(json['details'], /etcd does not answer/)
  }
  assert.equal((await runtime.call('STATUS', { conf: { cniVersion: '1.1.0' } })).json['code'], 51)
  await runtime.etcd.restart(runtime.etcd.member)
  await runtime.must('ADD')
  await runtime.must('DEL')
  assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
})

test('a full pool is an error that says what to do, and leaves nothing', async () => {
  const small = makeResource('IPPool', { name: 'small' }, { cidr: '10.99.0.0/30', blockSize: 30 })
  await runtime.client.resources('IPPool').create(small)
  const conf = { ipam: { type: 'calico-ipam', ipv4_pools: ['small'] } }
  const names = ['p1', 'p2', 'p3', 'p4']
  await runtime.addNetns(...names)
  for (const container of names) await runtime.must('ADD', { container, conf })
  const { json } = await runtime.call('ADD', { conf })
  assert.deepEqual([json['code'], /add an IPPool/.test(json['details'])], [100, true])
  await runtime.must('DEL', { container: 'p1', conf })
  await runtime.must('ADD', { conf })
  for (const container of [...names, 'c1']) await runtime.must('DEL', { container, conf })
  assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
})

test('eight at a time get addresses of their own and leave nothing', async () => {
  const names = Array.from({ length: 8 }, (_, n) => `n${n}`)
  await runtime.addNetns(...names)
  const results = await Promise.all(names.map((container) => runtime.must('ADD', { container })))
  assert.equal(new Set(results.map(({ ips }) => ips[0].address)).size, names.length)
  assert.equal((await runtime.ipam()).problems.length, 0)
  await Promise.all(names.map((container) => runtime.must('DEL', { container })))
  assert.deepEqual(await runtime.leftovers(), NOTHING_LEFT)
})
