/** Endpoints found by SRV records, answered by a real DNS server. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { setServers } from 'node:dns'
import { once } from 'node:events'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { freePort, TestCa, withEtcd } from '@calico-node/testkit'
import { storeFor } from '../fixtures.test.ts'
import { discoverEndpoints } from './endpoints.ts'

/** Runs `use` while dnsmasq answers this process's SRV questions with `records`: `service,target,port,priority,weight`. */
async function withDns(records: readonly string[], use: () => Promise<void>): Promise<void> {
  const port = await freePort()
  const flags = [
    '--no-daemon',
    '--no-hosts',
    '--no-resolv',
    '--bind-interfaces',
    '--listen-address=127.0.0.1',
    '--user=root',
  ]
  const args = [...flags, `--port=${port}`, '--local=/test/', ...records.map((record) => `--srv-host=${record}`)]
  const dnsmasq = spawn('setpriv', ['--pdeathsig', 'KILL', 'dnsmasq', ...args], { stdio: 'ignore' })
  const ended = once(dnsmasq, 'exit')
  try {
    setServers([`127.0.0.1:${port}`])
    await waitFor(
      'dnsmasq to answer',
      async () => {
        const answer = await discoverEndpoints('none.test').catch((err: unknown) => String(err))
        return String(answer).includes('ECONNREFUSED') ? undefined : answer
      },
      { deadlineMs: 5000 },
    )
    await use()
  } finally {
    dnsmasq.kill('SIGKILL')
    await ended
  }
}

test('records are read in order of priority, then weight', () =>
  withDns(
    [
      '_etcd-client._tcp.plain.test,c.test,3,20,0',
      '_etcd-client._tcp.plain.test,a.test,1,10,5',
      '_etcd-client._tcp.plain.test,b.test,2,10,1',
    ],
    async () => {
      assert.deepEqual(await discoverEndpoints('plain.test'), ['http://a.test:1', 'http://b.test:2', 'http://c.test:3'])
    },
  ))

test('where TLS is offered, plain text is not used', () =>
  withDns(['_etcd-client._tcp.both.test,a.test,1', '_etcd-client-ssl._tcp.both.test,b.test,2'], async () => {
    assert.deepEqual(await discoverEndpoints('both.test'), ['https://b.test:2'])
  }))

test('a domain without records is an outage that names it', (t) =>
  withDns([], async () => {
    const store = storeFor(t, { endpoints: [], discoverySrv: 'empty.test', timeoutMs: 500 })
    await assert.rejects(store.get('/a'), {
      code: 'STORE_UNAVAILABLE',
      message: /SRV records of empty.test: .*ENOTFOUND/,
    })
  }))

test('a store found by SRV records works, with TLS', async (t) => {
  const ca = await TestCa.create()
  await withEtcd({ tls: { caFile: ca.caFile, ...(await ca.issue('etcd')) } }, (etcd) =>
    withDns([`_etcd-client-ssl._tcp.cluster.test,localhost,${etcd.member.clientPort}`], async () => {
      const tls = { ca: { kind: 'file', path: ca.caFile, setting: 'ETCD_CA_CERT_FILE' } } as const
      const store = storeFor(t, { endpoints: [], discoverySrv: 'cluster.test', tls })
      const kv = await store.create('/a', '1')
      assert.deepEqual(await store.get('/a'), kv)
    }),
  )
  ca.remove()
})
