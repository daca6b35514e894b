/**
 * What happens when a process dies at any of its writes, when a rival acts just before or after any of them, when the answer
 * to any of them is lost, and when the store goes away: each operation is run again for each write at which it can be hit.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { CalicoError, hasCode } from '@calico-node/core'
import { CalicoClient, type DeleteOptions, type KeyValue, type KvStore } from '@calico-node/datastore'
import { parseIp, type NodeName } from '@calico-node/model'
import { assignAll, faults, ipamOn, makeCluster, NODE_A, NODE_B, records } from './cluster-fixture.test.ts'
import { checkIpam } from './check/check-ipam.ts'
import type { Ipam } from './ipam.ts'

type Send = () => Promise<KeyValue>

/** A store in which one write, the one numbered `at`, meets a `strike` instead of being sent. */
class StruckStore implements KvStore {
  readonly #inner: KvStore
  readonly #at: number
  readonly #strike: (send: Send, store: StruckStore) => Promise<KeyValue>
  #isDead = false
  writes = 0
  constructor(inner: KvStore, at: number, strike: (send: Send, store: StruckStore) => Promise<KeyValue>) {
    this.#inner = inner
    this.#at = at
    this.#strike = strike
  }
  get: KvStore['get'] = async (key) => this.#alive().get(key)
  list: KvStore['list'] = async (prefix) => this.#alive().list(prefix)
  count: KvStore['count'] = async (prefix) => this.#alive().count(prefix)
  put: KvStore['put'] = (key, value) => this.#write((store) => store.put(key, value))
  create: KvStore['create'] = (key, value) => this.#write((store) => store.create(key, value))
  update: KvStore['update'] = (key, value, revision) => this.#write((store) => store.update(key, value, revision))
  delete: KvStore['delete'] = (key, opts) => this.#write((store) => store.delete(key, opts))
  watch: KvStore['watch'] = (prefix, from, signal) => this.#inner.watch(prefix, from, signal)
  close(): void {
    this.#inner.close()
  }
  /** From now on no call comes through. */
  die(): never {
    this.#isDead = true
    throw new Error('the process died')
  }
  #alive(): KvStore {
    return this.#isDead ? this.die() : this.#inner
  }
  async #write(send: (store: KvStore) => Promise<KeyValue>): Promise<KeyValue> {
    const inner = this.#alive()
    return this.#at === this.writes++ ? this.#strike(() => send(inner), this) : send(inner)
  }
}

/** Two blocks of four, one of them node-a's with two addresses of handle `mine` and one of `other`. */
async function start(): Promise<{ inner: KvStore; ipam: Ipam }> {
  const { store: inner, ipam } = await makeCluster({ pool: { cidr: '10.0.0.0/28', blockSize: 30 } })
  for (const [text, handle] of [
    ['10.0.0.0', 'mine'],
    ['10.0.0.1', 'other'],
    ['10.0.0.2', 'mine'],
  ] as const) {
    await ipam.assignIp({ node: NODE_A, ip: parseIp(text), handle })
  }
  return { inner, ipam }
}

interface Operation {
  readonly run: (ipam: Ipam) => Promise<unknown>
  /** What handle `mine` holds afterwards. */
  readonly leaves: number
}

async function grab(ipam: Ipam, node: NodeName, count: number): Promise<void> {
  const { shortfall } = await ipam.autoAssign({ node, version: 4, use: 'Workload', count, handle: 'mine' })
  if (shortfall !== undefined) throw shortfall
}

const OPERATIONS: Record<string, Operation> = {
  'assigning from an own and a new block': { run: (ipam) => grab(ipam, NODE_A, 3), leaves: 5 },
  'assigning to a node without a block': { run: (ipam) => grab(ipam, NODE_B, 2), leaves: 4 },
  'assigning a given address': {
    run: (ipam) => ipam.assignIp({ node: NODE_A, ip: parseIp('10.0.0.3'), handle: 'mine' }),
    leaves: 3,
  },
  'releasing an address': { run: (ipam) => ipam.releaseIps([{ ip: parseIp('10.0.0.0'), handle: 'mine' }]), leaves: 1 },
  'releasing a handle': { run: (ipam) => ipam.releaseByHandle('mine'), leaves: 0 },
  'releasing a node': { run: (ipam) => ipam.releaseNode(NODE_A, { mustBeEmpty: false }), leaves: 2 },
}

/** Runs the operation against a store struck at each of its writes in turn. */
async function atEveryWrite(
  { run }: Operation,
  strike: (send: Send, context: { store: StruckStore; rival: Ipam }) => Promise<KeyValue>,
  check: (result: { at: number; inner: KvStore; failure: unknown }) => Promise<void>,
): Promise<void> {
  for (let at = 0; ; at++) {
    const { inner, ipam: rival } = await start()
    const store = new StruckStore(inner, at, (send, self) => strike(send, { store: self, rival }))
    const failure = await run(ipamOn(new CalicoClient(store))).then(
      () => undefined,
      (err: unknown) => err,
    )
    await check({ at, inner, failure })
    if (store.writes <= at) {
      assert.ok(at > 0, 'the operation writes nothing')
      return
    }
  }
}

const lost = (): CalicoError => new CalicoError('AMBIGUOUS', 'Cannot tell whether the write was done')

/** Nothing is lost or doubled: the records agree, and the handle holds what the operation leaves to it. */
async function assertSound(inner: KvStore, leaves: number, where: string): Promise<void> {
  const client = new CalicoClient(inner)
  assert.deepEqual(await faults(client), [], where)
  assert.equal((await ipamOn(client).ipsByHandle('mine')).length, leaves, where)
}

for (const [name, operation] of Object.entries(OPERATIONS)) {
  describe(name, () => {
    test('is done although the answer to a write that was done is lost', () =>
      atEveryWrite(
        operation,
        async (send) => {
          await send()
          throw lost()
        },
        async ({ at, inner, failure }) => {
          assert.equal(failure, undefined, `write ${at}`)
          await assertSound(inner, operation.leaves, `write ${at}`)
        },
      ))

    test('is done although the answer to a write that was not done is lost', () =>
      atEveryWrite(
        operation,
        () => Promise.reject(lost()),
        async ({ at, inner, failure }) => {
          assert.equal(failure, undefined, `write ${at}`)
          await assertSound(inner, operation.leaves, `write ${at}`)
        },
      ))

    test('is done once although the answer is lost and a rival writes the same block meanwhile', () =>
      atEveryWrite(
        operation,
        async (send, { rival }) => {
          await send()
          await rival.autoAssign({ node: NODE_A, version: 4, use: 'Workload', handle: 'rival' })
          await rival.releaseByHandle('rival')
          throw lost()
        },
        async ({ at, inner, failure }) => {
          assert.equal(failure, undefined, `write ${at}`)
          await assertSound(inner, operation.leaves, `write ${at}`)
        },
      ))

    test('is done although a rival of the node assigns and releases before a write', () =>
      atEveryWrite(
        operation,
        async (send, { rival }) => {
          await rival.autoAssign({ node: NODE_A, version: 4, use: 'Workload', count: 2, handle: 'rival' })
          await rival.releaseByHandle('other').catch(() => undefined)
          return send()
        },
        async ({ at, inner, failure }) => {
          if (name === 'assigning a given address' && hasCode(failure, 'ALREADY_EXISTS')) return
          assert.equal(failure, undefined, `write ${at}`)
          await assertSound(inner, operation.leaves, `write ${at}`)
        },
      ))

    test('is done, or refused and without a trace, when all blocks of the node are released before a write', () =>
      atEveryWrite(
        operation,
        async (send, { rival }) => {
          await rival.releaseNode(NODE_A, { mustBeEmpty: false })
          return send()
        },
        async ({ at, inner, failure }) => {
          assert.equal(failure, undefined, `write ${at}`)
          await assertSound(inner, operation.leaves, `write ${at}`)
        },
      ))

    test('is done later, or refused and without a trace, when the store goes away at a write', () =>
      atEveryWrite(
        operation,
        () => Promise.reject(new CalicoError('STORE_UNAVAILABLE', 'gone')),
        async ({ at, inner, failure }) => {
          assert.ok(failure === undefined || hasCode(failure, 'STORE_UNAVAILABLE'), `write ${at}: ${String(failure)}`)
          assert.deepEqual(await faults(new CalicoClient(inner)), [], `write ${at}`)
        },
      ))

    test('can be cleaned up by handle when the process dies at a write', () =>
      atEveryWrite(
        operation,
        (_, { store }) => store.die(),
        async ({ at, inner }) => {
          const client = new CalicoClient(inner)
          const survivor = ipamOn(client)
          await survivor
            .releaseByHandle('mine')
            .catch((err: unknown) => assert.ok(hasCode(err, 'NOT_FOUND'), `write ${at}: ${String(err)}`))
          await assertSound(inner, 0, `write ${at}`)
          assert.ok(!('mine' in (await records({ store: inner })).handles))
          await assignAll(survivor, NODE_A, 3, 'next')
          await assertSound(inner, 0, `write ${at}`)
        },
      ))
  })
}

/** The calls of several processes to one store, in an order that `scheduler` decides. */
const scheduled = (inner: KvStore, scheduler: fc.Scheduler): KvStore => ({
  get: scheduler.scheduleFunction((key: string) => inner.get(key)),
  list: scheduler.scheduleFunction((prefix: string) => inner.list(prefix)),
  count: (prefix) => inner.count(prefix),
  put: (key, value) => inner.put(key, value),
  create: scheduler.scheduleFunction((key: string, value: string) => inner.create(key, value)),
  update: scheduler.scheduleFunction((key: string, value: string, revision: bigint) =>
    inner.update(key, value, revision),
  ),
  delete: scheduler.scheduleFunction((key: string, opts?: DeleteOptions) => inner.delete(key, opts)),
  watch: (prefix, from, signal) => inner.watch(prefix, from, signal),
  close: () => inner.close(),
})

test('processes of one node share the only block that it may have', () =>
  fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { store: inner, ipam } = await makeCluster({ pool: { cidr: '10.0.0.0/28', blockSize: 30 } })
      await ipam.configure({ strictAffinity: true, maxBlocksPerHost: 1 })
      const rivals = [0, 1, 2, 3].map(() => ipamOn(new CalicoClient(scheduled(inner, scheduler))))
      const ips = await scheduler.waitFor(Promise.all(rivals.map((rival) => assignAll(rival, NODE_A, 1, 'mine'))))
      assert.equal(new Set(ips.flat()).size, 4)
      assert.equal(Object.keys((await records({ store: inner })).blocks).length, 1)
    }),
    { numRuns: 12 },
  ))

test('rivals never get one address twice and leave nothing behind, however their calls interleave', () =>
  fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { store: inner, client } = await makeCluster({ pool: { cidr: '10.0.0.0/28', blockSize: 30 } })
      const rival = async (id: number): Promise<string[]> => {
        const ipam = ipamOn(new CalicoClient(scheduled(inner, scheduler)))
        const node = id % 2 === 0 ? NODE_A : NODE_B
        const handles = [0, 1, 2].map((round) => `rival-${id}.${round}`)
        for (const handle of handles) await assignAll(ipam, node, 1, handle)
        await ipam.releaseByHandle(handles[0] ?? '')
        await assignAll(ipam, node, 2, `rival-${id}.3`)
        return (
          await Promise.all([...handles.slice(1), `rival-${id}.3`].map((handle) => ipam.ipsByHandle(handle)))
        ).flat()
      }
      const ips = (await scheduler.waitFor(Promise.all([0, 1, 2, 3].map(rival)))).flat()
      assert.equal(ips.length, 16)
      assert.equal(new Set(ips).size, 16)
      assert.deepEqual(await faults(client), [])
      for (const handle of Object.keys((await records({ store: inner })).handles))
        await ipamOn(client).releaseByHandle(handle)
      assert.deepEqual((await records({ store: inner })).handles, {})
      assert.deepEqual((await checkIpam(client)).allocations, [])
    }),
    { numRuns: 12 },
  ))
