import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quietLogger, waitFor, type LogFields, type Logger } from '@calico-node/core'
import { withEtcd } from '@calico-node/testkit'
import { proxyFor, storeFor } from '../fixtures.test.ts'
import { waitForEtcd } from './wait.ts'

function recorder(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const note = (message: string, { err }: LogFields = {}): void => {
    lines.push(err instanceof Error ? `${message}: ${err.message}` : message)
  }
  return { log: { ...quietLogger, warn: note, info: note }, lines }
}

test('waitForEtcd() says once what it waits for, and goes on when etcd answers', (t) =>
  withEtcd({}, async (etcd) => {
    const proxy = await proxyFor(t, etcd.member.clientPort)
    await proxy.refuse()
    const store = storeFor(t, { endpoints: [`http://127.0.0.1:${proxy.port}`] })
    const { log, lines } = recorder()
    const waiting = waitForEtcd(store, { log, signal: AbortSignal.timeout(20_000) })
    await waitFor('the first line', () => lines.length > 0)
    await proxy.listen()
    assert.equal(await waiting, true)
    assert.equal(lines.length, 2)
    assert.match(lines[0] ?? '', /^Waiting for etcd: .*connection refused/)
    assert.equal(lines[1], 'etcd answers, going on')
  }))

test('waitForEtcd() waits for credentials, and ends when told', (t) =>
  withEtcd({ rootPassword: 'secret' }, async (etcd) => {
    const store = storeFor(t, { endpoints: etcd.urls, username: 'felix', password: 'later' })
    const { log, lines } = recorder()
    const stop = new AbortController()
    const waiting = waitForEtcd(store, { log, signal: stop.signal })
    await waitFor('the first line', () => lines.length > 0)
    assert.match(lines[0] ?? '', /wrong user name or password/)
    stop.abort()
    assert.equal(await waiting, false)
  }))

test('waitForEtcd() does not wait for what cannot mend itself', async (t) => {
  const tls = { ca: { kind: 'file', path: '/nowhere', setting: 'ETCD_CA_CERT_FILE' } } as const
  const store = storeFor(t, { endpoints: ['https://127.0.0.1:1'], tls })
  await assert.rejects(waitForEtcd(store, { log: quietLogger, signal: AbortSignal.timeout(5000) }), { code: 'INVALID' })
})
