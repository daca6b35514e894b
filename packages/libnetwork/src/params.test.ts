import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ownNodeName, resolveConfig, vethMtuBytes } from './params.ts'

test('resolveConfig() fills in defaults and names every bad variable', () => {
  const { CALICO_LIBNETWORK_SCOPE, CALICO_LIBNETWORK_IFPREFIX, CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT } = resolveConfig(
    {},
  )
  assert.deepEqual(
    [CALICO_LIBNETWORK_SCOPE, CALICO_LIBNETWORK_IFPREFIX, CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT],
    ['local', 'cali', 5000],
  )
  const bad = {
    CALICO_LIBNETWORK_SCOPE: 'swarm',
    CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT: '5',
    CALICO_LIBNETWORK_IFPREFIX: 'a/b',
  }
  for (const name of Object.keys(bad))
    assert.throws(() => resolveConfig(bad), { code: 'INVALID', message: new RegExp(name) })
})

test('ownNodeName(): NODENAME, then what the node left, then HOSTNAME in lower case', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nodename-'))
  const CALICO_NODENAME_FILE = join(dir, 'nodename')
  try {
    assert.equal(ownNodeName({ CALICO_NODENAME_FILE, HOSTNAME: 'Host-C' }), 'host-c')
    writeFileSync(CALICO_NODENAME_FILE, 'host-b\n')
    assert.equal(ownNodeName({ CALICO_NODENAME_FILE, HOSTNAME: 'Host-C' }), 'host-b')
    assert.equal(ownNodeName({ CALICO_NODENAME_FILE, NODENAME: 'host-a' }), 'host-a')
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('vethMtuBytes(): what is configured, then what Felix found out', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mtu-'))
  const CALICO_MTU_FILE = join(dir, 'mtu')
  const mtu = (more = {}): number => vethMtuBytes(resolveConfig({ CALICO_MTU_FILE, ...more }))
  try {
    assert.equal(mtu(), 0)
    writeFileSync(CALICO_MTU_FILE, '1450\n')
    assert.equal(mtu(), 1450)
    assert.equal(mtu({ CALICO_LIBNETWORK_VETH_MTU: '1400' }), 1400)
    writeFileSync(CALICO_MTU_FILE, 'half a wri')
    assert.equal(mtu(), 0)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
