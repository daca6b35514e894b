/** `node diags` and `node checksystem` as root, in a namespace of their own. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { run } from '@calico-node/linux'
import { requireOwnNamespace } from '@calico-node/testkit'
import { cli } from './harness.test.ts'

requireOwnNamespace()

describe('node diags', () => {
  test('collects the state of the host and its logs into one archive', async () => {
    const logs = mkdtempSync(join(tmpdir(), 'logs-'))
    mkdirSync(join(logs, 'felix'))
    writeFileSync(join(logs, 'felix', 'current'), 'a line of felix\n')
    await run('iptables', ['-N', 'cali-marker'])
    const { exit, stdout } = await cli(`node diags --log-dir=${logs}`)
    assert.equal(exit, 0)
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

test('node checksystem lists what the kernel has', async () => {
  const { exit, stdout, stderr } = await cli('node checksystem')
  assert.match(stdout, /^ {2}Kernel version +OK$/m)
  assert.match(stdout, /^ {2}xt_set +(OK|FAIL)$/m)
  assert.equal(exit === 0, /System meets minimum system requirements/.test(stdout), stderr)
})
