/** Everything that keeps an operator from reaching etcd says what to do about it, each in its own words. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { freePort, TestCa, TestEtcd, withEtcd, type Certificate } from '@calico-node/testkit'
import { storeFor } from '../fixtures.test.ts'
import type { EtcdConnection, EtcdTlsSources, PemSource } from './connection.ts'
import { openEtcd } from './etcd-store.ts'

const file = (path: string, setting: string): PemSource => ({ kind: 'file', path, setting })
const tlsOf = (caFile: string | undefined, cert?: Certificate): EtcdTlsSources => ({
  ...(caFile !== undefined && { ca: file(caFile, 'ETCD_CA_CERT_FILE') }),
  ...(cert && { cert: file(cert.certFile, 'ETCD_CERT_FILE'), key: file(cert.keyFile, 'ETCD_KEY_FILE') }),
})

/** What reading a key through `connection` fails with. */
async function failureOf(connection: EtcdConnection, code: string): Promise<string> {
  const store = openEtcd({ timeoutMs: 2000, ...connection }, quietLogger)
  try {
    const err: unknown = await store.get('/calico/x').catch((reason: unknown) => reason)
    assert.ok(err instanceof Error, 'the read must fail')
    assert.equal(Reflect.get(err, 'code'), code, err.message)
    return err.message
  } finally {
    store.close()
  }
}

async function assertReads(connection: EtcdConnection): Promise<void> {
  const store = openEtcd(connection, quietLogger)
  try {
    assert.equal(await store.get('/calico/x'), undefined)
  } finally {
    store.close()
  }
}

describe('plain connections that fail', () => {
  test('nobody listens', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`
    assert.equal(
      await failureOf({ endpoints: [endpoint] }, 'STORE_UNAVAILABLE'),
      `Cannot read /calico/x at etcd ${endpoint}: connection refused; is etcd running and listening there?`,
    )
  })
  test('the host has no name', async () => {
    assert.match(
      await failureOf({ endpoints: ['http://nowhere.invalid:2379'] }, 'STORE_UNAVAILABLE'),
      /name cannot be resolved/,
    )
  })
  test('no quorum', () =>
    withEtcd({ members: 3 }, async (etcd) => {
      const [first, second, third] = etcd.members
      assert.ok(first)
      await Promise.all([second?.stop(), third?.stop()])
      const message = await failureOf({ endpoints: [etcd.urlOf(first)], timeoutMs: 9000 }, 'STORE_UNAVAILABLE')
      assert.match(message, /a majority of its members must be up/)
    }))
  test('a value that is too large', (t) =>
    withEtcd({}, async (etcd) => {
      const store = storeFor(t, { endpoints: etcd.urls })
      const large = store.create('/large', 'x'.repeat(2_000_000))
      await assert.rejects(large, { code: 'INVALID', message: /larger than etcd takes/ })
    }))
})

describe('TLS', () => {
  let ca: TestCa
  let otherCa: TestCa
  let felix: Certificate
  let stranger: Certificate
  let etcd: TestEtcd
  before(async () => {
    ca = await TestCa.create()
    otherCa = await TestCa.create('another CA')
    felix = await ca.issue('felix')
    stranger = await otherCa.issue('stranger')
    etcd = await TestEtcd.start({ tls: { caFile: ca.caFile, ...(await ca.issue('etcd')), clientCertAuth: true } })
  })
  after(async () => {
    await etcd.stop()
    ca.remove()
    otherCa.remove()
  })
  const connect = (tls: EtcdTlsSources): EtcdConnection => ({ endpoints: etcd.urls, tls })

  test('the right certificates connect', () => assertReads(connect(tlsOf(ca.caFile, felix))))
  test('so do they by host name, and as text', async () => {
    const inline = (path: string): PemSource => ({ kind: 'inline', pem: readFileSync(path, 'utf8'), setting: 'spec' })
    const tls = { ca: inline(ca.caFile), cert: inline(felix.certFile), key: inline(felix.keyFile) }
    await assertReads({ endpoints: [`https://localhost:${etcd.member.clientPort}`], tls })
  })

  const failing: [what: string, tls: () => EtcdTlsSources, code: string, message: RegExp][] = [
    [
      'the wrong CA',
      () => tlsOf(otherCa.caFile, felix),
      'STORE_UNAVAILABLE',
      /not from the CA in \S+ca.pem \(ETCD_CA_CERT_FILE\)$/,
    ],
    [
      'no CA',
      () => tlsOf(undefined, felix),
      'STORE_UNAVAILABLE',
      /not from a CA that this system trusts; set ETCD_CA_CERT_FILE$/,
    ],
    [
      'no client certificate',
      () => tlsOf(ca.caFile),
      'STORE_UNAVAILABLE',
      /wants a client certificate; set ETCD_CERT_FILE and ETCD_KEY_FILE$/,
    ],
    [
      'a stranger’s certificate',
      () => tlsOf(ca.caFile, stranger),
      'STORE_UNAVAILABLE',
      /refused the client certificate of \S+stranger.pem \(ETCD_CERT_FILE\)$/,
    ],
    [
      'a missing file',
      () => tlsOf('/nowhere/ca.pem'),
      'INVALID',
      /^Cannot read \/nowhere\/ca.pem \(ETCD_CA_CERT_FILE\): ENOENT/,
    ],
    [
      'a file that is no PEM',
      () => tlsOf('/etc/hostname'),
      'INVALID',
      /^Cannot use CA certificate of \/etc\/hostname \(ETCD_CA_CERT_FILE\)/,
    ],
    [
      'a key of another certificate',
      () => tlsOf(ca.caFile, { certFile: felix.certFile, keyFile: stranger.keyFile }),
      'INVALID',
      /felix.pem \(ETCD_CERT_FILE\) with the key of \S+stranger.key \(ETCD_KEY_FILE\): .*mismatch/,
    ],
  ]
  for (const [what, tls, code, message] of failing) {
    test(what, async () => assert.match(await failureOf(connect(tls()), code), message))
  }
  test('plain text where TLS is spoken', async () => {
    const endpoints = [`http://127.0.0.1:${etcd.member.clientPort}`]
    assert.match(await failureOf({ endpoints }, 'STORE_UNAVAILABLE'), /should the endpoint begin with https:\/\/\?$/)
  })
  test('TLS where plain text is spoken', () =>
    withEtcd({}, async (plain) => {
      const endpoints = [`https://127.0.0.1:${plain.member.clientPort}`]
      assert.match(
        await failureOf({ endpoints, tls: tlsOf(ca.caFile) }, 'STORE_UNAVAILABLE'),
        /should the endpoint begin with http:\/\/\?$/,
      )
    }))
  test('a server that shows a certificate for another host', async (t) => {
    const elsewhere = await ca.issue('elsewhere', { altNames: ['DNS:elsewhere.example', 'IP:127.0.0.2'] })
    const server = createSecureServer({ cert: readFileSync(elsewhere.certFile), key: readFileSync(elsewhere.keyFile) })
    const port = await freePort()
    server.listen(port, '127.0.0.1')
    t.after(() => server.close())
    const message = await failureOf(
      { endpoints: [`https://127.0.0.1:${port}`], tls: tlsOf(ca.caFile) },
      'STORE_UNAVAILABLE',
    )
    assert.match(message, /the certificate it shows is for another host/)
  })
})

describe('authentication', () => {
  let etcd: TestEtcd
  before(async () => {
    etcd = await TestEtcd.start({ rootPassword: 'root' })
    await etcd.ctl('user', 'add', 'felix:secret')
  })
  after(() => etcd.stop())

  const failing: [what: string, credentials: Partial<EtcdConnection>, message: RegExp][] = [
    ['no user name', {}, /wants a user name and password; set ETCD_USERNAME and ETCD_PASSWORD$/],
    [
      'the wrong password',
      { username: 'felix', password: 'wrong' },
      /wrong user name or password for "felix"; check ETCD_USERNAME/,
    ],
    ['an unknown user', { username: 'nobody', password: 'secret' }, /wrong user name or password for "nobody"/],
    ['no permission', { username: 'felix', password: 'secret' }, /etcd user "felix" has no permission for it/],
  ]
  for (const [what, credentials, message] of failing) {
    test(what, async () =>
      assert.match(await failureOf({ endpoints: etcd.urls, ...credentials }, 'FORBIDDEN'), message),
    )
  }
  test('root reads', () => assertReads({ endpoints: etcd.urls, username: 'root', password: 'root' }))
  test('a password that etcd does not ask for does no harm', () =>
    withEtcd({}, (open) => assertReads({ endpoints: open.urls, username: 'felix', password: 'secret' })))
})
