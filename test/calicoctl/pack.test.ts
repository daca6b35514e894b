// The packed calicoctl, installed with npm as an operator would, without a network.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { withEtcd } from '@calico-node/testkit'

describe('the npm package of calicoctl', () => {
  let prefix = ''
  const installed = (): string => join(prefix, 'lib/node_modules/@calico-node/calicoctl')
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`, HOME: tmpdir() }
  const calicoctl = (args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const { status, stdout, stderr } = spawnSync(join(prefix, 'bin/calicoctl'), args, {
      encoding: 'utf8',
      env: { ...env, NODE_COMPILE_CACHE: join(prefix, 'cache'), ...more },
    })
    return { status, stdout, stderr }
  }

  before(() => {
    prefix = mkdtempSync(join(tmpdir(), 'calicoctl-prefix-'))
    const packed = execFileSync(process.execPath, ['scripts/pack-calicoctl.ts', prefix], { encoding: 'utf8' }).trim()
    execFileSync('npm', ['install', '--global', `--prefix=${prefix}`, '--offline', '--no-audit', packed], { env })
  })
  after(() => rmSync(prefix, { recursive: true }))

  test('needs nothing besides itself', () => {
    assert.equal(existsSync(join(installed(), 'node_modules')), false)
    for (const file of ['LICENSE', 'NOTICE', 'THIRD-PARTY-LICENSES', 'man/calicoctl-node-run.1'])
      assert.ok(existsSync(join(installed(), file)), file)
  })
  test('runs without a datastore', () => {
    assert.match(calicoctl(['version', '--client']).stdout, /^Client Version: +\d/)
    const explained = calicoctl(['explain', 'ippool.cidr'])
    assert.deepEqual([explained.status, explained.stderr], [0, ''])
  })
  test('talks to etcd', () =>
    withEtcd({}, async (etcd) => {
      const { status, stdout, stderr } = calicoctl(['get', 'nodes'], { ETCD_ENDPOINTS: etcd.urls.join() })
      assert.deepEqual([status, stderr], [0, ''])
      assert.match(stdout, /^NAME/)
    }))
  test('says so when Node is too old', () => {
    const old = "Object.defineProperty(process.versions, 'node', { value: '18.19.0' })"
    const program = `${old}; require(${JSON.stringify(join(installed(), 'bin/calicoctl.cjs'))})`
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(stderr, /^calicoctl needs Node\.js 24 or later; \S+ is v[\d.]+\n$/)
  })
})
