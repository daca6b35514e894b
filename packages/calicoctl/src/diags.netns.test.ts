/** `node diags` and `node checksystem` as root, in a namespace of their own. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { run } from '@calico-node/linux'
import { requireOwnNamespace } from '@calico-node/testkit'
import { cli, TestCluster } from './harness.test.ts'

requireOwnNamespace()

describe('node diags', () => {
  test('collects the state of the host and its logs into one archive', async () => {
    const logs = mkdtempSync(join(tmpdir(), 'logs-'))
    mkdirSync(join(logs, 'felix'))
    writeFileSync(join(logs, 'felix', 'current'), 'a line of felix\n')
    await run('iptables', ['-N', 'cali-marker'])
    process.env['DOCKER_HOST'] = 'unix:///nonexistent/docker.sock'
    const { exit, stdout } = await cli(`node diags --log-dir=${logs}`)
    assert.equal(exit, 0)
    assert.equal(stdout.split('\n').filter((each) => each.startsWith('  docker: ')).length, 1, stdout)
    const archive = /^Diags saved to (\S+\.tar\.gz)$/m.exec(stdout)?.[1] ?? ''
    try {
      const files = await run('tar', ['-tzf', archive])
      for (const file of ['hostname', 'ipv4-routes', 'links', 'logs/felix/current'])
        assert.ok(files.includes(`diagnostics/${file}\n`), file)
      const saves = await run('tar', ['-xzOf', archive, '--wildcards', 'diagnostics/iptables-*-save'])
      assert.match(saves, /cali-marker/)
      assert.match(await run('tar', ['-xzOf', archive, 'diagnostics/logs/felix/current']), /a line of felix/)
    } finally {
      rmSync(logs, { recursive: true })
      rmSync(dirname(archive), { recursive: true })
    }
  })
})

/** A secret at every place where one may be: none of them may be in the archive. */
test('node diags gives no secret away', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'secrets-'))
  const logs = join(dir, 'logs')
  for (const folder of ['logs/felix', 'bgp/peers', 'unpacked']) mkdirSync(join(dir, folder), { recursive: true })
  const put = (file: string, text: string): void => writeFileSync(join(dir, file), text)
  put('bgp/peers/tor', 'planted-bgp-password\n')
  put('password', 'planted-etcd-password\n')
  put('logs/felix/current', 'etcd said planted-etcd-password\n{"authToken":"planted-token"}\nplain line\n')
  put('logs/bird', 'planted-bgp-password\n  password "planted-in-bird";\nhttp://u:planted-in-url@etcd:2379\n')
  put('logs/key', '-----BEGIN RSA PRIVATE KEY-----\nplanted-key\n-----END RSA PRIVATE KEY-----\nrest\n')
  put('logs/core', 'planted-in-binary\0')
  await run('ip', ['link', 'add', 'dum0', 'type', 'veth'])
  await run('ip', ['link', 'set', 'dum0', 'alias', 'planted-variable'])
  const env = {
    ETCD_USERNAME: 'node',
    ETCD_PASSWORD_FILE: join(dir, 'password'),
    CALICO_SECRETS_DIR: join(dir, 'bgp'),
    SOME_SECRET: 'planted-variable',
  }
  const { exit, stdout } = await cli(`node diags --log-dir=${logs}`, { env })
  const archive = /^Diags saved to (\S+\.tar\.gz)$/m.exec(stdout)?.[1] ?? ''
  try {
    assert.equal(exit, 0)
    assert.equal(statSync(archive).mode & 0o777, 0o600)
    await run('tar', ['-xzf', archive, '-C', join(dir, 'unpacked')])
    const found = await run('grep', ['-r', '-c', 'planted', join(dir, 'unpacked')]).catch(() => '')
    assert.deepEqual(
      found.split('\n').filter((text) => !/^$|:0$/.test(text)),
      [],
    )
    const shown = (file: string): string => readFileSync(join(dir, 'unpacked/diagnostics', file), 'utf8')
    assert.match(shown('logs/felix/current'), /etcd said REDACTED\n.*\nplain line/)
    assert.match(shown('links'), /alias REDACTED/)
    assert.match(shown('logs/key'), /^REDACTED\nrest$/m)
  } finally {
    rmSync(dir, { recursive: true })
    rmSync(dirname(archive), { recursive: true })
  }
})

test('node checksystem lists what the kernel has', async () => {
  const { exit, stdout, stderr } = await cli('node checksystem')
  assert.match(stdout, /^ {2}Kernel version +OK +\d/m)
  assert.match(stdout, /^ {2}xt_set +(OK|FAIL) +IP sets in rules$/m)
  assert.equal(exit === 0, /System meets minimum system requirements/.test(stdout), stderr)
})

test('node checksystem -f refuses a file that is not there', async () => {
  const { exit, stdout, stderr } = await cli('node checksystem -f /nonexistent/config')
  assert.deepEqual([exit, stdout], [1, ''])
  assert.match(stderr, /^Cannot read the kernel configuration: .*\/nonexistent\/config/)
})

describe('cluster diags', () => {
  const saved = (stdout: string): string => /^Diags saved to (\S+\.tar\.gz)$/m.exec(stdout)?.[1] ?? ''
  const readBack = (archive: string, file: string): Promise<string> =>
    run('tar', ['-xzOf', archive, `cluster-diagnostics/${file}`])

  test('holds the datastore without its secrets, and the host', async () => {
    const cluster = await TestCluster.start()
    let archive = ''
    try {
      await cluster.store.put('/calico/resources/v3/projectcalico.org/bgppeers/p', '{"spec":{"password":"hunter2"}}')
      await cluster.store.put('/somebody/else', 'theirs')
      const before = await cluster.everything()
      const { exit, stdout, stderr } = await cluster.cli('cluster diags')
      archive = saved(stdout)
      assert.deepEqual([exit, stderr], [0, ''])
      const dump = await readBack(archive, 'datastore.jsonl')
      assert.match(dump, /^\{"key":"\/calico\/resources\/v3\/projectcalico\.org\/bgppeers\/p"/m)
      assert.doesNotMatch(dump, /hunter2|somebody/)
      assert.match(await readBack(archive, 'host/links'), /\blo\b/)
      assert.equal(statSync(archive).mode & 0o777, 0o600)
      assert.deepEqual(await cluster.everything(), before)
    } finally {
      if (archive !== '') rmSync(dirname(archive), { recursive: true })
      await cluster.stop()
    }
  })
  test('collects the host also when there is no datastore, and says so', async () => {
    const { exit, stdout, stderr } = await cli('cluster diags', { env: { ETCD_ENDPOINTS: 'http://127.0.0.1:1' } })
    const archive = saved(stdout)
    try {
      assert.equal(exit, 1)
      assert.match(stderr, /^Cannot read the datastore: /)
      assert.match(await readBack(archive, 'datastore.failed'), /\S/)
      assert.match(await readBack(archive, 'host/links'), /\blo\b/)
    } finally {
      rmSync(dirname(archive), { recursive: true })
    }
  })
})
