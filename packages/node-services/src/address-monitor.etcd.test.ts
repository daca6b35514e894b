// The monitor against a real etcd and the addresses of a real kernel.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type LogFields, type Logger, messageOf, quietLogger, sleep, waitFor } from '@calico-node/core'
import { CalicoClient, type KvStore, openEtcd, parseConnection } from '@calico-node/datastore'
import { run } from '@calico-node/linux'
import { makeResource, parseNodeName } from '@calico-node/model'
import { requireOwnNamespace, TestEtcd } from '@calico-node/testkit'
import { addressMonitor } from './address-monitor.ts'
import { resolveConfig } from './params.ts'

requireOwnNamespace()

let etcd: TestEtcd
let store: KvStore
let client: CalicoClient
const node = parseNodeName('here')
const warnings: string[] = []
const log: Logger = {
  ...quietLogger,
  warn: (message: string, fields?: LogFields) => void warnings.push(`${message} ${messageOf(fields?.['err'] ?? '')}`),
}

const ip = async (...words: string[]): Promise<void> => void (await run('ip', words))
const setAddress = async (...texts: string[]): Promise<void> => {
  await ip('address', 'flush', 'dev', 'eth0')
  for (const text of texts) await ip('address', 'add', text, 'dev', 'eth0')
}
const makeNode = (name: string, ipv4Address: string): Promise<unknown> =>
  client.resources('Node').create(makeResource('Node', { name }, { bgp: { ipv4Address, asNumber: 64_999 } }))
const held = async (): Promise<string | undefined> => (await client.resources('Node').get(node)).spec.bgp?.ipv4Address

/** Runs the monitor for as long as `body` takes. */
async function monitored(env: Record<string, string>, body: () => Promise<void>): Promise<void> {
  const stop = new AbortController()
  const config = resolveConfig({ AUTODETECT_POLL_INTERVAL: '20ms', ...env })
  const running = addressMonitor.run({ client, node, config, log, signal: stop.signal })
  try {
    await body()
  } finally {
    stop.abort()
    await running
  }
}

before(async () => {
  etcd = await TestEtcd.start()
  process.env['ETCD_ENDPOINTS'] = etcd.urls.join(',')
  store = openEtcd(parseConnection({ env: process.env }), quietLogger)
  client = new CalicoClient(store)
  await ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0-peer')
  for (const name of ['eth0', 'eth0-peer']) await ip('link', 'set', name, 'up')
})
after(async () => {
  store.close()
  await etcd.stop()
})
beforeEach(async () => {
  await etcd.ctl('del', '--prefix', '/calico/')
  await setAddress('10.7.0.5/24')
  await makeNode('here', '10.7.0.5/24')
  warnings.length = 0
})

describe('the address monitor', () => {
  test('follows a change of the address, and leaves the rest of the Node', async () =>
    monitored({ IP: 'autodetect' }, async () => {
      await setAddress('10.7.0.6/25')
      await waitFor('the new address', async () => (await held()) === '10.7.0.6/25')
      assert.equal((await client.resources('Node').get(node)).spec.bgp?.asNumber, 64_999)
    }))

  test('keeps the old address while there is none, and says so once', async () =>
    monitored({ IP: 'autodetect' }, async () => {
      await sleep(100)
      await setAddress()
      await waitFor('a warning', () => warnings.length > 0)
      await sleep(200)
      assert.equal(await held(), '10.7.0.5/24')
      assert.deepEqual(
        warnings.map((text) => text.split(',')[0]),
        ['Detection failed'],
      )
    }))

  test('does not take the address of another node, and gets it when that is gone', async () =>
    monitored({ IP: 'autodetect' }, async () => {
      await makeNode('there', '10.7.0.9/24')
      await setAddress('10.7.0.9/24')
      await waitFor('a warning', () => warnings.some((text) => /10\.7\.0\.9.*"here".*"there"/.test(text)))
      await waitFor('the old address to go: it is none of this host', async () => (await held()) === undefined)
      await sleep(200)
      assert.equal(warnings.filter((text) => text.includes('"there"')).length, 1, warnings.join('\n'))
      await client.resources('Node').delete('there')
      await waitFor('the address', async () => (await held()) === '10.7.0.9/24')
    }))

  const unmoved: [why: string, env: Record<string, string>][] = [
    ['without IP what the Node has is kept', {}],
    ['an address that was given is kept', { IP: '10.7.0.5/24' }],
    ['policy only', { IP: 'autodetect', CALICO_NETWORKING_BACKEND: 'none' }],
    ['policy only, in the older way', { IP: 'autodetect', CALICO_NETWORKING: 'false' }],
    ['switched off', { IP: 'autodetect', AUTODETECT_POLL_INTERVAL: '0s' }],
  ]
  for (const [why, env] of unmoved) {
    test(`changes nothing: ${why}`, async () =>
      monitored(env, async () => {
        const before = await client.resources('Node').get(node)
        await setAddress('10.7.0.6/24')
        await sleep(200)
        assert.deepEqual(await client.resources('Node').get(node), before)
      }))
  }
})
