/** Writes whose answer, or request, is lost on the way: carried out once, and reported as what they were. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { hasCode, quietLogger, waitFor } from '@calico-node/core'
import { CuttingProxy, TestEtcd } from '@calico-node/testkit'
import type { KeyValue, KvStore } from '../kv-store.ts'
import { openEtcd } from './etcd-store.ts'

describe('a write through a faulty network', () => {
  let etcd: TestEtcd
  let proxy: CuttingProxy
  let direct: KvStore
  let store: KvStore
  let key = ''
  let keys = 0
  before(async () => {
    etcd = await TestEtcd.start()
    proxy = await CuttingProxy.start(etcd.member.clientPort)
    direct = openEtcd({ endpoints: etcd.urls }, quietLogger)
    store = openEtcd({ endpoints: [`http://127.0.0.1:${proxy.port}`], timeoutMs: 3000 }, quietLogger)
  })
  after(async () => {
    store.close()
    direct.close()
    await proxy.stop()
    await etcd.stop()
  })
  beforeEach(async () => {
    proxy.swallow.clear()
    key = `/lost/${++keys}`
    await waitFor('the proxy to carry', async () => (await store.count('/').catch(() => undefined)) !== undefined)
  })

  /** Starts `write`, loses its answer once etcd has carried it out, does `meanwhile`, and lets the network recover. */
  async function losingTheAnswer<T>(
    write: () => Promise<T>,
    meanwhile: () => Promise<unknown> = async () => undefined,
  ): Promise<T> {
    const before = (await direct.count('/')).headRevision
    proxy.swallow.add('down')
    const outcome = write()
    outcome.catch(() => undefined)
    await waitFor('etcd to carry it out', async () => (await direct.count('/')).headRevision > before, { pollMs: 5 })
    await meanwhile()
    proxy.swallow.clear()
    proxy.cut()
    return outcome
  }

  /** The same with the request: etcd never hears of it. */
  async function losingTheRequest<T>(
    write: () => Promise<T>,
    meanwhile: () => Promise<unknown> = async () => undefined,
  ): Promise<T> {
    proxy.swallow.add('up')
    const outcome = write()
    outcome.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await meanwhile()
    proxy.swallow.clear()
    proxy.cut()
    return outcome
  }

  const versions = async (): Promise<number> => {
    const answer: unknown = JSON.parse(await etcd.ctl('get', key, '--write-out=json'))
    return Number(Reflect.get(Object(Reflect.get(Object(Reflect.get(Object(answer), 'kvs')), 0)), 'version'))
  }

  test('a create whose answer is lost has succeeded, 30 times of 30', async () => {
    for (let i = 0; i < 30; i++) {
      key = `/lost/create/${i}`
      const kv = await losingTheAnswer(() => store.create(key, `ours ${i}`))
      assert.deepEqual(await direct.get(key), kv)
      assert.equal(await versions(), 1)
    }
  })

  test('a create whose request is lost is sent again', async () => {
    const kv = await losingTheRequest(() => store.create(key, 'ours'))
    assert.deepEqual(await direct.get(key), kv)
  })

  test('a create that somebody has changed since was ours all the same', async () => {
    let created: KeyValue | undefined
    const meanwhile = async (): Promise<void> => {
      created = await direct.get(key)
      await direct.put(key, 'theirs')
    }
    assert.deepEqual(await losingTheAnswer(() => store.create(key, 'ours'), meanwhile), created)
  })

  test('a create that came too late says who was first', async () => {
    const theirs = { code: 'ALREADY_EXISTS' }
    await assert.rejects(
      losingTheRequest(
        () => store.create(key, 'ours'),
        () => direct.create(key, 'theirs'),
      ),
      theirs,
    )
    assert.equal((await direct.get(key))?.value, 'theirs')
  })

  test('an update whose answer is lost has succeeded, once', async () => {
    const seen = await direct.create(key, 'first')
    const kv = await losingTheAnswer(() => store.update(key, 'ours', seen.modRevision))
    assert.deepEqual(await direct.get(key), kv)
    assert.equal(await versions(), 2)
  })

  test('an update whose request is lost is sent again, once', async () => {
    const seen = await direct.create(key, 'first')
    const kv = await losingTheRequest(() => store.update(key, 'ours', seen.modRevision))
    assert.deepEqual(await direct.get(key), kv)
    assert.equal(await versions(), 2)
  })

  test('an update that others have written over since was ours all the same', async () => {
    const seen = await direct.create(key, 'first')
    let ours: KeyValue | undefined
    const meanwhile = async (): Promise<void> => {
      ours = await direct.get(key)
      for (const value of ['theirs', 'theirs again', 'ours']) await direct.put(key, value)
    }
    assert.deepEqual(await losingTheAnswer(() => store.update(key, 'ours', seen.modRevision), meanwhile), ours)
  })

  test('an update that came too late is a conflict, even if the key holds our value by now', async () => {
    const seen = await direct.create(key, 'first')
    const meanwhile = async (): Promise<void> => {
      for (const value of ['theirs', 'ours']) await direct.put(key, value)
    }
    const late = losingTheRequest(() => store.update(key, 'ours', seen.modRevision), meanwhile)
    await assert.rejects(late, (err) => {
      assert.ok(hasCode(err, 'CONFLICT'))
      assert.equal(Reflect.get(Object(err.context['current']), 'value'), 'ours')
      return true
    })
    assert.equal(await versions(), 3)
  })

  test('an update of a key that was deleted and made anew cannot be told', async () => {
    const seen = await direct.create(key, 'first')
    const meanwhile = async (): Promise<void> => {
      await direct.delete(key)
      await direct.create(key, 'another life')
    }
    await assert.rejects(
      losingTheAnswer(() => store.update(key, 'ours', seen.modRevision), meanwhile),
      { code: 'AMBIGUOUS' },
    )
  })

  test('a delete whose answer is lost returns what it deleted', async () => {
    const seen = await direct.create(key, 'first')
    assert.deepEqual(await losingTheAnswer(() => store.delete(key, { modRevision: seen.modRevision })), seen)
    assert.equal(await direct.get(key), undefined)
  })

  test('a delete whose request is lost is sent again', async () => {
    const seen = await direct.create(key, 'first')
    assert.deepEqual(await losingTheRequest(() => store.delete(key, { modRevision: seen.modRevision })), seen)
  })

  test('a delete of a version that is no more is a conflict', async () => {
    const { modRevision } = await direct.create(key, 'first')
    const late = losingTheRequest(
      () => store.delete(key, { modRevision }),
      () => direct.put(key, 'theirs'),
    )
    await assert.rejects(late, { code: 'CONFLICT' })
    assert.equal((await direct.get(key))?.value, 'theirs')
  })

  test('a put whose answer is lost has succeeded; whose request is lost, cannot be told', async () => {
    const kv = await losingTheAnswer(() => store.put(key, 'ours'))
    assert.deepEqual(await direct.get(key), kv)
    await assert.rejects(
      losingTheRequest(() => store.put(key, 'ours again')),
      { code: 'AMBIGUOUS' },
    )
    assert.equal((await direct.get(key))?.value, 'ours')
  })

  test('a write to an etcd that is not there fails for certain', async () => {
    await proxy.refuse()
    await assert.rejects(store.get(key), { code: 'STORE_UNAVAILABLE', message: /connection refused/ })
    await assert.rejects(store.create(key, 'ours'), { code: 'STORE_UNAVAILABLE', message: /connection refused/ })
    await proxy.listen()
    assert.equal(await direct.get(key), undefined)
  })

  test('a write that its caller gives up on the way is ambiguous', async () => {
    proxy.swallow.add('down')
    const stop = new AbortController()
    const outcome = assert.rejects(store.create(key, 'ours', { signal: stop.signal }), { code: 'AMBIGUOUS' })
    await waitFor('etcd to carry it out', async () => (await direct.get(key)) !== undefined)
    stop.abort()
    await outcome
  })

  test('no call waits longer than it may', async () => {
    proxy.swallow.add('up').add('down')
    const began = performance.now()
    await assert.rejects(store.get(key, { timeoutMs: 500 }), {
      code: 'STORE_UNAVAILABLE',
      message: /within the time allowed/,
    })
    assert.ok(performance.now() - began < 1500)
  })
})
