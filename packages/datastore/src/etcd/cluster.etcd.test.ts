/** Three members over mutual TLS with passwords: members die and return under load, and nobody notices for long. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasCode, sleep } from '@calico-node/core'
import { TestCa, TestEtcd, withEtcd } from '@calico-node/testkit'
import { proxyFor, replicaFor, storeFor } from '../fixtures.test.ts'
import type { PemSource } from './connection.ts'

const PREFIXES = ['/load/']
const pem = (path: string, setting: string): PemSource => ({ kind: 'file', path, setting })

async function leaderOf(etcd: TestEtcd): Promise<number> {
  const status: unknown = JSON.parse(await etcd.ctl('endpoint', 'status', '--write-out=json'))
  const rows = Array.isArray(status) ? status : []
  const isLeader = (row: unknown): boolean => {
    const answer: unknown = Reflect.get(Object(row), 'Status')
    const header: unknown = Reflect.get(Object(answer), 'header')
    return Reflect.get(Object(answer), 'leader') === Reflect.get(Object(header), 'member_id')
  }
  return rows.findIndex(isLeader)
}

describe('a cluster of three', () => {
  test('the leader is killed and returns while one process writes and another follows', async (t) => {
    const ca = await TestCa.create()
    const client = await ca.issue('felix')
    const tls = { caFile: ca.caFile, ...(await ca.issue('etcd')), clientCertAuth: true }
    await withEtcd({ members: 3, tls, rootPassword: 'secret' }, async (etcd) => {
      const connection = {
        endpoints: etcd.urls,
        username: 'root',
        password: 'secret',
        tls: { ca: pem(ca.caFile, 'ca'), cert: pem(client.certFile, 'cert'), key: pem(client.keyFile, 'key') },
      }
      const [writer, reader] = [storeFor(t, connection), storeFor(t, connection)]
      const replica = replicaFor(t, reader, PREFIXES)
      const failures: string[] = []
      let slowestMs = 0
      const stop = new AbortController()
      const writing = (async (): Promise<number> => {
        let i = 0
        for (; !stop.signal.aborted; i++) {
          const began = performance.now()
          await writer.create(`/load/${i}`, String(i)).catch((err: unknown) => failures.push(String(err)))
          slowestMs = Math.max(slowestMs, performance.now() - began)
        }
        return i
      })()
      await sleep(1000)
      const leader = etcd.members[await leaderOf(etcd)]
      assert.ok(leader)
      await leader.stop('SIGKILL')
      await sleep(4000)
      await etcd.restart(leader)
      await sleep(1000)
      stop.abort()
      const written = await writing
      assert.deepEqual(failures, [])
      assert.ok(written > 200, `wrote ${written}`)
      assert.ok(slowestMs < 10_000, `slowest write took ${slowestMs} ms`)
      await replica.catchesUpWith(reader, PREFIXES)
      assert.equal(replica.state.size, written)
      assert.equal(replica.told.length, written, 'each write was told once')
    })
    ca.remove()
  })

  test('a member that swallows everything is passed over', (t) =>
    withEtcd({ members: 3 }, async (etcd) => {
      const proxy = await proxyFor(t, etcd.member.clientPort)
      const endpoints = [`http://127.0.0.1:${proxy.port}`, ...etcd.urls.slice(1)]
      const store = storeFor(t, { endpoints, timeoutMs: 4000 })
      for (let i = 0; i < 10; i++) await store.get('/a')
      proxy.swallow.add('up').add('down')
      const failed: string[] = []
      for (let i = 0; i < 60; i++) await store.get('/a').catch((err: unknown) => failed.push(String(err)))
      assert.deepEqual(failed, [])
    }))

  test('without a majority every write fails, none is lost count of, and all is well again afterwards', (t) =>
    withEtcd({ members: 3 }, async (etcd) => {
      const store = storeFor(t, { endpoints: etcd.urls, timeoutMs: 3000 })
      await store.put('/a', 'before')
      const [, second, third] = etcd.members
      assert.ok(second && third)
      await Promise.all([second.stop(), third.stop()])
      const err: unknown = await store.create('/b', 'ours').catch((reason: unknown) => reason)
      assert.ok(hasCode(err, 'STORE_UNAVAILABLE', 'AMBIGUOUS'), String(err))
      for (const member of [second, third]) member.start()
      for (const member of [second, third]) await etcd.ready(member)
      assert.equal((await store.get('/a'))?.value, 'before')
      assert.equal((await store.put('/a', 'after')).value, 'after')
    }))
})
