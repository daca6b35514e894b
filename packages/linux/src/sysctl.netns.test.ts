import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { before, describe, test } from 'node:test'
import { addVeth } from './links.ts'
import { run } from './run.ts'
import { createSysctl } from './sysctl.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

describe('sysctl', () => {
  before(() => addVeth({ name: 'cali1' }, { name: 'peer1' }))

  test('writes and reads back, also for a name with a dot', async () => {
    await addVeth({ name: 'eth0.7' }, { name: 'peer2' })
    const sysctl = createSysctl()
    for (const key of ['net/ipv4/conf/cali1/proxy_arp', 'net/ipv4/conf/eth0.7/proxy_arp']) {
      assert.equal(sysctl.read(key), '0')
      sysctl.write(key, '1')
      assert.equal(readFileSync(`/proc/sys/${key}`, 'utf8'), '1\n')
    }
  })
  test('an interface that is gone is NOT_FOUND, a value that is refused APPLY_FAILED', () => {
    const sysctl = createSysctl()
    assert.equal(sysctl.read('net/ipv4/conf/cali9/proxy_arp'), undefined)
    assert.throws(() => sysctl.write('net/ipv4/conf/cali9/proxy_arp', '1'), { code: 'NOT_FOUND' })
    assert.throws(() => sysctl.write('net/ipv4/conf/cali1/proxy_arp', 'x'), { code: 'APPLY_FAILED' })
  })
  test('takes the first root that is writable: /proc/sys read-only, as in a container, and the host’s below /host', async () => {
    const root = mkdtempSync(`${tmpdir()}/sysctl-`)
    mkdirSync(`${root}/readonly/net`, { recursive: true })
    mkdirSync(`${root}/host/net`, { recursive: true })
    await run('mount', ['--bind', '/proc/sys/net', `${root}/host/net`])
    await run('mount', ['--bind', '/proc/sys/net', `${root}/readonly/net`])
    await run('mount', ['-o', 'remount,bind,ro', `${root}/readonly/net`])
    const key = 'net/ipv4/conf/cali1/forwarding'
    const only = createSysctl({ roots: [`${root}/readonly`] })
    const both = createSysctl({ roots: [`${root}/readonly`, `${root}/host`] })
    both.write(key, '0')
    assert.equal(readFileSync(`/proc/sys/${key}`, 'utf8'), '0\n')
    assert.throws(() => only.write(key, '1'), { code: 'APPLY_FAILED' })
    only.write(key, '0') // what stands already needs no writing
  })
})
