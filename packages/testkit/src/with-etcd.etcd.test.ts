import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestCa } from './test-ca.ts'
import { withEtcd } from './with-etcd.ts'

test('etcd starts on its own ports, survives a kill, and forgets when wiped', () =>
  withEtcd({}, async (etcd) => {
    await etcd.ctl('put', '/a', '1')
    await etcd.member.stop('SIGKILL')
    await etcd.restart(etcd.member)
    assert.match(await etcd.ctl('get', '/a'), /1/)
    await etcd.member.stop()
    etcd.member.wipe()
    await etcd.restart(etcd.member)
    assert.equal(await etcd.ctl('get', '/a'), '')
  }))

test('etcd can be put back to a backup', () =>
  withEtcd({}, async (etcd) => {
    await etcd.ctl('put', '/a', 'old')
    const file = `/tmp/backup-${process.pid}.db`
    await etcd.backup(file)
    await etcd.ctl('put', '/a', 'new')
    await etcd.restore(file)
    assert.match(await etcd.ctl('get', '/a'), /old/)
  }))

test('three members with TLS, client certificates and passwords, and a member less', async () => {
  const ca = await TestCa.create()
  const tls = { caFile: ca.caFile, ...(await ca.issue('etcd', { commonName: 'etcd' })), clientCertAuth: true }
  await withEtcd({ members: 3, tls, rootPassword: 'secret' }, async (etcd) => {
    await etcd.ctl('put', '/a', '1')
    await etcd.member.stop()
    await etcd.ctl('put', '/a', '2')
    await etcd.restart(etcd.member)
    assert.match(await etcd.ctl('get', '/a'), /2/)
  })
  ca.remove()
})

test('grpc-proxy passes calls on', () =>
  withEtcd({}, async (etcd) => {
    await etcd.ctl('put', '/a', '1')
    const { process: proxy } = await etcd.startGrpcProxy()
    assert.ok(proxy.clientPort > 0)
  }))
