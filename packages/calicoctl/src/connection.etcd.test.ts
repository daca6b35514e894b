/** How calicoctl finds etcd and proves who it is: file or environment, certificates and passwords, on real members. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { TestCa, TestEtcd, type Certificate } from '@calico-node/testkit'
import { cli, type CliResult } from './harness.test.ts'

type Env = Readonly<Record<string, string>>
const NODES = 'NAME   \n\n'
const works = ({ exit, stdout, stderr }: CliResult): void => assert.deepEqual([exit, stdout, stderr], [0, NODES, ''])
const fails = ({ exit, stdout, stderr }: CliResult, message: RegExp): void => {
  assert.deepEqual([exit, stdout], [1, ''])
  assert.match(stderr, message)
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
}

describe('TLS with client certificates', () => {
  let ca: TestCa
  let stranger: TestCa
  let etcd: TestEtcd
  let own: Certificate
  before(async () => {
    ca = await TestCa.create('CA')
    stranger = await TestCa.create('another CA')
    own = await ca.issue('calicoctl')
    etcd = await TestEtcd.start({ tls: { ...(await ca.issue('etcd')), caFile: ca.caFile, clientCertAuth: true } })
  })
  after(async () => {
    await etcd.stop()
    ca.remove()
    stranger.remove()
  })
  const configFile = (name: string, spec: object): string => {
    const file = join(ca.dir, name)
    writeFileSync(
      file,
      JSON.stringify({ apiVersion: 'projectcalico.org/v3', kind: 'CalicoAPIConfig', metadata: {}, spec }),
    )
    return file
  }
  const endpoints = (): string => etcd.urls.join()
  const byEnv = () => ({
    ETCD_ENDPOINTS: endpoints(),
    ETCD_CA_CERT_FILE: ca.caFile,
    ETCD_CERT_FILE: own.certFile,
    ETCD_KEY_FILE: own.keyFile,
  })
  const byFile = () => ({
    datastoreType: 'etcdv3',
    etcdEndpoints: endpoints(),
    etcdCACertFile: ca.caFile,
    etcdCertFile: own.certFile,
    etcdKeyFile: own.keyFile,
  })

  test('by the environment', async () => works(await cli('get nodes', { env: byEnv() })))
  test('by variables with the prefix, which come first', async () => {
    const prefixed = Object.fromEntries(Object.entries(byEnv()).map(([name, value]) => [`CALICO_${name}`, value]))
    works(await cli('get nodes', { env: { ...prefixed, ETCD_ENDPOINTS: 'http://127.0.0.1:1' } }))
  })
  test('by a file', async () => works(await cli(['get', 'nodes', '-c', configFile('a.cfg', byFile())])))
  test('by a file with the PEM in it', async () => {
    const [etcdCACert, etcdCert, etcdKey] = [ca.caFile, own.certFile, own.keyFile].map((file) =>
      readFileSync(file, 'utf8'),
    )
    const spec = { etcdEndpoints: endpoints(), etcdCACert, etcdCert, etcdKey }
    works(await cli(['get', 'nodes', `--config=${configFile('inline.cfg', spec)}`]))
  })
  test('file and environment are never mixed', async () => {
    const file = configFile('half.cfg', { etcdEndpoints: endpoints() })
    fails(await cli(['get', 'nodes', '-c', file], { env: byEnv() }), /certificate/)
    const lone = { ETCD_ENDPOINTS: 'http://127.0.0.1:1' }
    works(await cli(['get', 'nodes', '-c', configFile('whole.cfg', byFile())], { env: lone }))
  })
  test('without a certificate, with that of a stranger, and of a server that is not trusted', async () => {
    const { ETCD_CERT_FILE: _cert, ETCD_KEY_FILE: _key, ...without } = byEnv()
    fails(await cli('get nodes', { env: without }), /certificate/)
    const foreign = await stranger.issue('calicoctl')
    const strange = { ...byEnv(), ETCD_CERT_FILE: foreign.certFile, ETCD_KEY_FILE: foreign.keyFile }
    fails(await cli('get nodes', { env: strange }), /certificate|TLS/)
    fails(await cli('get nodes', { env: { ...byEnv(), ETCD_CA_CERT_FILE: stranger.caFile } }), /certificate/)
  })
  const bad: [why: string, spec: object, message: RegExp][] = [
    ['an unknown field', { etcdEndpoint: 'https://e' }, /bad\.cfg: unknown field "spec\.etcdEndpoint"/],
    ['another datastore', { datastoreType: 'kubernetes' }, /only etcdv3 is supported/],
    ['a certificate without its key', { etcdCertFile: '/x' }, /client certificate and key come together/],
    ['a key file that is missing', { etcdCertFile: '/x', etcdKeyFile: '/y' }, /\/x|\/y/],
  ]
  for (const [why, spec, message] of bad)
    test(`refuses ${why}`, async () => fails(await cli(['get', 'nodes', '-c', configFile('bad.cfg', spec)]), message))
})

describe('users and passwords', () => {
  let etcd: TestEtcd
  before(async () => {
    etcd = await TestEtcd.start({ rootPassword: 'secret' })
    for (const words of [
      'role add reader',
      'role grant-permission reader read --prefix=true /calico/',
      'user add eve:pass',
      'user grant-role eve reader',
    ])
      await etcd.ctl(...words.split(' '))
  })
  after(() => etcd.stop())
  const as = (user: string, password: string): Env => ({
    ETCD_ENDPOINTS: etcd.urls.join(),
    ETCD_USERNAME: user,
    ETCD_PASSWORD: password,
  })
  const SET = '{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: s}}'

  test('the right ones', async () => {
    works(await cli('get nodes', { env: as('root', 'secret') }))
    assert.equal((await cli('apply -f -', { env: as('root', 'secret'), stdin: SET })).exit, 0)
  })
  test('a wrong password, and none', async () => {
    fails(await cli('get nodes', { env: as('root', 'guess') }), /user name or password|authentication failed/)
    fails(await cli('get nodes', { env: { ETCD_ENDPOINTS: etcd.urls.join() } }), /user name/)
  })
  test('one who may read reads, and is told that he may not write', async () => {
    works(await cli('get nodes', { env: as('eve', 'pass') }))
    const held = await etcd.ctl('get', '--prefix', '/calico/')
    fails(await cli('apply -f -', { env: as('eve', 'pass'), stdin: SET }), /connection is unauthorized: .*permission/)
    fails(await cli('delete gnetset s', { env: as('eve', 'pass') }), /connection is unauthorized: .*permission/)
    assert.equal(await etcd.ctl('get', '--prefix', '/calico/'), held)
  })
})
