/** Credentials that change while a store is open: tokens run out, certificates are replaced, SRV records move. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { quietLogger, sleep, waitFor } from '@calico-node/core'
import { TestCa, withEtcd } from '@calico-node/testkit'
import { proxyFor, replicaFor, storeFor } from '../fixtures.test.ts'
import type { EtcdConnection } from './connection.ts'

const SECRET = { username: 'root', password: 'secret' }
const PREFIXES = ['/a/', '/b/']

describe('tokens', () => {
  test('calls and watches go on after etcd has forgotten their token', (t) =>
    withEtcd({ rootPassword: SECRET.password, args: ['--auth-token-ttl=2'] }, async (etcd) => {
      const proxy = await proxyFor(t, etcd.member.clientPort)
      const store = storeFor(t, { endpoints: [`http://127.0.0.1:${proxy.port}`], ...SECRET })
      const replica = replicaFor(t, store, PREFIXES)
      await store.put('/a/1', 'first')
      await replica.catchesUpWith(store, PREFIXES)
      await sleep(4000) // nobody uses the token meanwhile
      await store.put('/a/1', 'second')
      await sleep(4000)
      proxy.cut()
      await waitFor('the watches to be lost', () => replica.connection.includes(false))
      await etcd.ctl('put', '/b/1', 'after the cut')
      await waitFor('the watches to see it', () => replica.state.get('/b/1') === 'after the cut')
      await replica.catchesUpWith(store, PREFIXES)
    }))

  test('a change of roles in between does no harm', (t) =>
    withEtcd({ rootPassword: SECRET.password }, async (etcd) => {
      const store = storeFor(t, { endpoints: etcd.urls, ...SECRET })
      for (let i = 0; i < 10; i++) {
        await Promise.all([etcd.ctl('role', 'add', `role-${i}`), store.put('/a', String(i)), store.get('/a')])
      }
      assert.equal((await store.get('/a'))?.value, '9')
    }))

  test('authentication may be switched on later', (t) =>
    withEtcd({}, async (etcd) => {
      const store = storeFor(t, { endpoints: etcd.urls, ...SECRET })
      await store.put('/a', 'open')
      await etcd.ctl('user', 'add', 'root:secret')
      await etcd.ctl('user', 'grant-role', 'root', 'root')
      await etcd.ctl('auth', 'enable')
      assert.equal((await store.put('/a', 'closed')).value, 'closed')
    }))
})

test('certificates are replaced without a restart; bad ones are not used', async (t) => {
  const [oldCa, newCa] = [await TestCa.create('old CA'), await TestCa.create('new CA')]
  const server = await oldCa.issue('etcd')
  const trusted = join(oldCa.dir, 'trusted.pem')
  writeFileSync(trusted, readFileSync(oldCa.caFile))
  const tls = { ...server, caFile: trusted, clientCertAuth: true }
  await withEtcd({ tls }, async (etcd) => {
    const [certFile, keyFile] = [join(oldCa.dir, 'mine.pem'), join(oldCa.dir, 'mine.key')]
    const install = async (ca: TestCa): Promise<void> => {
      const { certFile: cert, keyFile: key } = await ca.issue('felix')
      writeFileSync(certFile, readFileSync(cert))
      writeFileSync(keyFile, readFileSync(key))
    }
    await install(oldCa)
    const connection: EtcdConnection = {
      endpoints: etcd.urls,
      timeoutMs: 2000,
      tls: {
        ca: { kind: 'file', path: oldCa.caFile, setting: 'ETCD_CA_CERT_FILE' },
        cert: { kind: 'file', path: certFile, setting: 'ETCD_CERT_FILE' },
        key: { kind: 'file', path: keyFile, setting: 'ETCD_KEY_FILE' },
      },
    }
    const warnings: string[] = []
    const store = storeFor(t, connection, {
      ...quietLogger,
      child: () => ({ ...quietLogger, warn: (line) => warnings.push(line) }),
    })
    const replica = replicaFor(t, store, PREFIXES)
    await store.put('/a/1', 'by the old certificate')

    writeFileSync(certFile, 'half written')
    await waitFor('the bad file to be noticed', async () => {
      await store.get('/a/1')
      return warnings.length > 0
    })
    await store.put('/a/1', 'still by the old certificate')

    await install(newCa)
    await etcd.member.stop() // ends every connection that the old certificate has opened
    writeFileSync(trusted, Buffer.concat([readFileSync(newCa.caFile), readFileSync(server.certFile)]))
    etcd.member.start()
    await waitFor('the new certificate to be used', () => store.put('/a/2', 'by the new certificate'), {
      deadlineMs: 20_000,
    })
    await replica.catchesUpWith(store, PREFIXES)
  })
  oldCa.remove()
  newCa.remove()
})
