/** The list-watch loop against everything an etcd may do to its clients. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { quietLogger, waitFor, type LogFields, type Logger } from '@calico-node/core'
import { CuttingProxy, withEtcd, type EtcdOptions, type TestEtcd } from '@calico-node/testkit'
import { openEtcd } from './etcd/etcd-store.ts'
import { replicaFor, storeFor } from './fixtures.test.ts'
import type { KvStore } from './kv-store.ts'
import { SyncReplica } from './sync-replica.test.ts'

const PREFIXES = ['/a/', '/b/']

interface Scene {
  readonly etcd: TestEtcd
  readonly proxy: CuttingProxy
  /** Not through the proxy. */
  readonly direct: KvStore
  readonly replica: SyncReplica
  readonly log: string[]
}

/** A replica that follows etcd through a proxy, in sync with a few keys. */
async function withReplica(
  opts: EtcdOptions & { keepaliveMs?: number },
  play: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { keepaliveMs = 5000, ...etcdOptions } = opts
  await withEtcd(etcdOptions, async (etcd) => {
    const proxy = await CuttingProxy.start(etcd.member.clientPort)
    const direct = openEtcd({ endpoints: etcd.urls }, quietLogger)
    const through = {
      endpoints: [`http://127.0.0.1:${proxy.port}`],
      keepaliveMs,
      keepaliveTimeoutMs: 1000,
      timeoutMs: 3000,
    }
    const store = openEtcd(through, quietLogger)
    for (const key of ['/a/1', '/a/2', '/a/3', '/b/1']) await direct.put(key, 'first')
    const log: string[] = []
    const replica = new SyncReplica(store, PREFIXES, recorder(log))
    try {
      await replica.catchesUpWith(direct, PREFIXES)
      await play({ etcd, proxy, direct, replica, log })
      assert.equal(replica.inSync, 1)
    } finally {
      await replica.stop()
      store.close()
      direct.close()
      await proxy.stop()
    }
  })
}

/** Remembers each line at warn and above as `level message`. */
function recorder(lines: string[]): Logger {
  const note =
    (level: string) =>
    (message: string, _fields?: LogFields): void => {
      lines.push(`${level} ${message}`)
    }
  const logger: Logger = { ...quietLogger, warn: note('warn'), error: note('error'), child: () => logger }
  return logger
}

const connectionIs = (replica: SyncReplica, ...wanted: boolean[]): Promise<unknown> =>
  waitFor(
    `connection events ${wanted.join()}`,
    () => {
      assert.deepEqual(replica.connection, wanted)
      return true
    },
    { deadlineMs: 15_000 },
  )

describe('sync against etcd', () => {
  test('tells the first state, then changes and deletes, each once', () =>
    withReplica({}, async ({ direct, replica }) => {
      replica.told.length = 0
      await direct.put('/a/1', 'second')
      await direct.delete('/a/2')
      await direct.put('/c/1', 'not ours')
      await direct.put('/b/2', 'first')
      await replica.catchesUpWith(direct, PREFIXES)
      assert.deepEqual(
        replica.told.filter((line) => line.includes('/a/')),
        ['+/a/1=second', '-/a/2'],
      )
      assert.deepEqual(
        replica.told.filter((line) => line.includes('/b/')),
        ['+/b/2=first'],
      )
    }))

  test('a cut connection is one outage, reported once, and resumed without listing again', () =>
    withReplica({}, async ({ proxy, direct, replica, log }) => {
      replica.told.length = 0
      await proxy.refuse()
      await connectionIs(replica, true, false)
      await direct.put('/a/1', 'meanwhile')
      await direct.delete('/b/1')
      await proxy.listen()
      await replica.catchesUpWith(direct, PREFIXES)
      await connectionIs(replica, true, false, true)
      assert.deepEqual(replica.told.toSorted(), ['+/a/1=meanwhile', '-/b/1'])
      assert.deepEqual(log, ['warn Store is unreachable, will retry'])
    }))

  test('an etcd that is away says nothing about its content', () =>
    withReplica({}, async ({ etcd, direct, replica }) => {
      replica.told.length = 0
      await etcd.member.stop('SIGKILL')
      await connectionIs(replica, true, false)
      await etcd.restart(etcd.member)
      await replica.catchesUpWith(direct, PREFIXES)
      assert.deepEqual(replica.told, [])
    }))

  test('compaction while disconnected: the difference is told, deletes included', () =>
    withReplica({}, async ({ etcd, proxy, direct, replica }) => {
      replica.told.length = 0
      await proxy.refuse()
      await direct.delete('/a/1')
      await direct.put('/a/2', 'second')
      const { modRevision } = await direct.put('/a/2', 'third')
      await etcd.ctl('compact', String(modRevision))
      await proxy.listen()
      await replica.catchesUpWith(direct, PREFIXES)
      assert.deepEqual(replica.told.toSorted(), ['+/a/2=third', '-/a/1'])
    }))

  for (const [what, writes] of [
    ['fewer', 2],
    ['more', 60],
  ] as const) {
    test(`data wiped, then ${what} revisions than before: the difference is told`, () =>
      withReplica({}, async ({ etcd, proxy, direct, replica }) => {
        await proxy.refuse()
        await etcd.member.stop()
        etcd.member.wipe()
        await etcd.restart(etcd.member)
        for (let i = 0; i < writes; i++) await direct.put('/a/2', `after the wipe ${i}`)
        await proxy.listen()
        await replica.catchesUpWith(direct, PREFIXES)
        await direct.put('/b/9', 'watch goes on')
        await replica.catchesUpWith(direct, PREFIXES)
      }))
  }

  test('data wiped, and a landmark asked for: nothing is told until the store is set up again', (t) =>
    withEtcd({}, async (etcd) => {
      const direct = storeFor(t, { endpoints: etcd.urls })
      await direct.put('/a/1', 'first')
      await direct.put('/b/1', 'first')
      const log: string[] = []
      const replica = new SyncReplica(direct, PREFIXES, recorder(log), '/landmark')
      t.after(() => replica.stop())
      await replica.catchesUpWith(direct, PREFIXES)
      replica.told.length = 0
      await etcd.member.stop()
      etcd.member.wipe()
      await etcd.restart(etcd.member)
      await waitFor('word of the wipe', () => log.some((line) => line.includes('was wiped')), { deadlineMs: 15_000 })
      await direct.put('/a/2', 'a stranger')
      assert.deepEqual([replica.told, replica.connection], [[], [true, false]])
      await direct.put('/landmark', 'set up')
      await replica.catchesUpWith(direct, PREFIXES)
      assert.deepEqual(replica.told.toSorted(), ['+/a/2=a stranger', '-/a/1', '-/b/1'])
      assert.equal(log.filter((line) => line.includes('was wiped')).length, 1)
    }))

  test('data restored from a backup and grown past us since: the difference is told', () =>
    withReplica({}, async ({ etcd, proxy, direct, replica }) => {
      const file = join(tmpdir(), `sync-${process.pid}.db`)
      await etcd.backup(file)
      await direct.put('/a/1', 'lost by the restore')
      await direct.put('/a/new', 'lost by the restore')
      await replica.catchesUpWith(direct, PREFIXES)
      await proxy.refuse()
      await etcd.restore(file)
      for (let i = 0; i < 10; i++) await direct.put('/a/3', `since ${i}`)
      await proxy.listen()
      await replica.catchesUpWith(direct, PREFIXES)
      assert.equal(replica.state.get('/a/1'), 'first')
      assert.equal(replica.state.has('/a/new'), false)
      rmSync(file)
    }))

  test('another cluster behind the same address: the difference is told', () =>
    withReplica({}, async ({ proxy, replica }) => {
      await withEtcd({}, async (other) => {
        const judge = openEtcd({ endpoints: other.urls }, quietLogger)
        for (let i = 0; i < 20; i++) await judge.put(`/a/${i % 3}`, `of the other cluster ${i}`)
        proxy.retarget(other.member.clientPort)
        await replica.catchesUpWith(judge, PREFIXES)
        judge.close()
      })
    }))

  test('far behind, it lists instead of replaying', () =>
    withReplica({}, async ({ proxy, direct, replica }) => {
      replica.told.length = 0
      await proxy.refuse()
      for (let i = 0; i < 120; i++)
        await Promise.all(Array.from({ length: 50 }, () => direct.put('/a/1', `write ${i}`)))
      await proxy.listen()
      await replica.catchesUpWith(direct, PREFIXES)
      assert.deepEqual(replica.told, ['+/a/1=write 119'])
    }))

  test('a frozen etcd is noticed by its silence', () =>
    withReplica({ keepaliveMs: 5000 }, async ({ etcd, direct, replica }) => {
      etcd.member.freeze()
      await connectionIs(replica, true, false)
      etcd.member.thaw()
      await direct.put('/a/1', 'thawed')
      await replica.catchesUpWith(direct, PREFIXES)
    }))

  test('a network that swallows everything is noticed by its silence', () =>
    withReplica({ keepaliveMs: 5000 }, async ({ proxy, direct, replica }) => {
      proxy.swallow.add('up').add('down')
      await direct.put('/a/1', 'unheard')
      await connectionIs(replica, true, false)
      proxy.swallow.clear()
      await replica.catchesUpWith(direct, PREFIXES)
    }))

  test('a member cut off from its cluster is not believed', () =>
    withReplica({ members: 3 }, async ({ etcd, direct, replica }) => {
      const [, second, third] = etcd.members
      await Promise.all([second?.stop(), third?.stop()])
      await connectionIs(replica, true, false)
      assert.match(replica.reasons.join(), /majority of its members/)
      for (const member of [second, third]) member?.start()
      for (const member of [second, third]) if (member !== undefined) await etcd.ready(member)
      await direct.put('/a/1', 'after')
      await replica.catchesUpWith(direct, PREFIXES)
    }))

  test('everything goes through grpc-proxy as well', (t) =>
    withEtcd({}, async (etcd) => {
      const { url, process: proxy } = await etcd.startGrpcProxy()
      const direct = storeFor(t, { endpoints: etcd.urls })
      const store = storeFor(t, { endpoints: [url] })
      await direct.put('/a/1', 'first')
      const replica = replicaFor(t, store, PREFIXES)
      await replica.catchesUpWith(direct, PREFIXES)
      await proxy.stop()
      await connectionIs(replica, true, false)
      await direct.put('/a/1', 'without the proxy')
      proxy.start()
      await replica.catchesUpWith(direct, PREFIXES)
      await etcd.member.stop()
      await etcd.restart(etcd.member)
      await direct.put('/b/1', 'after a restart behind the proxy')
      await replica.catchesUpWith(direct, PREFIXES, 30_000)
    }))
})
