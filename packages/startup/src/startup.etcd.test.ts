import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type Logger, messageOf, quietLogger, waitFor } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, type KvStore } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { freePort, TestEtcd } from '@calico-node/testkit'
import { runStartup } from './startup.ts'

let etcd: TestEtcd
let store: KvStore
let client: CalicoClient
let dir: string

before(async () => {
  etcd = await TestEtcd.start()
  store = openEtcd(parseConnection({ env: { ETCD_ENDPOINTS: etcd.urls.join(',') } }), quietLogger)
  client = new CalicoClient(store)
  dir = mkdtempSync(join(tmpdir(), 'startup-'))
})
after(async () => {
  store.close()
  await etcd.stop()
  rmSync(dir, { recursive: true })
})
beforeEach(async () => {
  await etcd.ctl('del', '--prefix', '/calico/')
})

type Env = Record<string, string>
const never = new AbortController().signal
const filesOf = (name: string): { nodename: string; services: string } => ({
  nodename: join(dir, name, 'nodename'),
  services: join(dir, name, 'services'),
})

const envOf = (name: string, ip: string, extra: Env = {}): Env => ({
  ETCD_ENDPOINTS: etcd.urls.join(','),
  NODENAME: name,
  IP: ip,
  CALICO_NODENAME_FILE: filesOf(name).nodename,
  CALICO_SERVICES_FILE: filesOf(name).services,
  CALICO_BIRD_RUN_DIR: join(dir, name, 'run'),
  CALICO_LOG_DIR: join(dir, name, 'log'),
  ...extra,
})
const start = (name: string, ip: string, extra: Env = {}, log: Logger = quietLogger): Promise<boolean> =>
  runStartup({ env: envOf(name, ip, extra), log, signal: never })
const everything = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await store.list('/calico/')).kvs.map(({ key, value }) => [key, value]))
const names = async (kind: 'Node' | 'IPPool' | 'Tier' | 'FelixConfiguration'): Promise<string[]> =>
  (await client.resources(kind).list()).map(({ metadata }) => metadata.name)

describe('runStartup()', () => {
  test('leaves what the documents promise', async () => {
    assert.equal(await start('host-a', '10.20.0.1/24', { IP6: 'fd00:20::1/64', AS: '64520' }), true)
    const node = await client.resources('Node').get('host-a')
    assert.deepEqual(node.spec, { bgp: { asNumber: 64520, ipv4Address: '10.20.0.1/24', ipv6Address: 'fd00:20::1/64' } })
    assert.deepEqual(await names('IPPool'), ['default-ipv4-ippool', 'default-ipv6-ippool'])
    assert.deepEqual((await client.resources('IPPool').list()).map(({ spec }) => spec.cidr).slice(1), [
      'fd80:24e2:f998:72d6::/64',
    ])
    const { spec: bgp } = await client.resources('BGPConfiguration').get('default')
    assert.deepEqual([bgp.asNumber, bgp.nodeToNodeMeshEnabled], [64512, true])
    const felix = await client.resources('FelixConfiguration').get('node.host-a')
    assert.equal(felix.spec.defaultEndpointToHostAction, 'Return')
    assert.equal(readFileSync(filesOf('host-a').nodename, 'utf8'), 'host-a')
    assert.equal(readFileSync(filesOf('host-a').services, 'utf8'), 'felix\nconfd\nbird\nbird6\nnode-services\n')
    assert.ok(existsSync(join(dir, 'host-a', 'run')) && existsSync(join(dir, 'host-a', 'log')))
  })

  test('changes nothing when it runs again', async () => {
    await start('host-a', '10.20.0.1/24')
    const first = await everything()
    await start('host-a', '10.20.0.1/24')
    assert.deepEqual(await everything(), first)
  })

  test('keeps values that somebody set', async () => {
    await start('host-a', '10.20.0.1/24')
    await client.resources('FelixConfiguration').modify('node.host-a', undefined, (stored) => ({
      ...stored,
      spec: { ...stored.spec, defaultEndpointToHostAction: 'Drop' },
    }))
    await client
      .resources('BGPConfiguration')
      .modify('default', undefined, (stored) => ({ ...stored, spec: { ...stored.spec, nodeToNodeMeshEnabled: false } }))
    await client.resources('Node').modify('host-a', undefined, (stored) => ({
      ...stored,
      metadata: { ...stored.metadata, labels: { rack: 'r1' } },
    }))
    await start('host-a', '10.20.0.1/24')
    assert.equal(
      (await client.resources('FelixConfiguration').get('node.host-a')).spec.defaultEndpointToHostAction,
      'Drop',
    )
    assert.equal((await client.resources('BGPConfiguration').get('default')).spec.nodeToNodeMeshEnabled, false)
    assert.deepEqual((await client.resources('Node').get('host-a')).metadata.labels, { rack: 'r1' })
  })

  test('many nodes may start at once', async () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'].map((letter, i) => ({ name: `host-${letter}`, ip: `10.20.0.${i + 1}/24` }))
    await Promise.all(nodes.map(({ name, ip }) => start(name, ip)))
    assert.deepEqual(
      await names('Node'),
      nodes.map(({ name }) => name),
    )
    assert.deepEqual(await names('IPPool'), ['default-ipv4-ippool', 'default-ipv6-ippool'])
    assert.equal((await names('FelixConfiguration')).length, nodes.length + 1)
  })

  test('warns of Nodes that may be taken for this one', async () => {
    await store.create(
      '/calico/resources/v3/projectcalico.org/nodes/Host-A',
      '{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"Host-A"},"spec":{}}',
    )
    await start('host-a.example.com', '10.20.0.1/24')
    await start('host-b', '10.20.0.2/24')
    const warned = new Map<string, unknown>()
    const log = { ...quietLogger, warn: (text: string, fields?: object) => void warned.set(text, fields) }
    await start('host-a', '10.20.0.3/24', {}, log)
    assert.deepEqual(
      warned.get('Other Nodes have nearly the name of this one: endpoints that name them are not of this host'),
      { node: 'host-a', others: ['Host-A', 'host-a.example.com'] },
    )
  })

  test('writes no BGP data in policy-only mode', async () => {
    await start('host-a', '10.20.0.1/24', { CALICO_NETWORKING: 'false' })
    assert.deepEqual((await client.resources('Node').get('host-a')).spec, {})
    assert.equal(readFileSync(filesOf('host-a').services, 'utf8'), 'felix\nnode-services\n')
  })

  test('a reflector has its cluster and its services, and nothing that only workloads need', async () => {
    await start('rr', '10.20.0.9/24', {
      CALICO_NODE_ROLE: 'reflector',
      CALICO_ROUTE_REFLECTOR_CLUSTER_ID: '10.9.9.9',
    })
    assert.deepEqual((await client.resources('Node').get('rr')).spec, {
      bgp: { ipv4Address: '10.20.0.9/24', routeReflectorClusterID: '10.9.9.9' },
    })
    assert.equal(readFileSync(filesOf('rr').services, 'utf8'), 'confd\nbird\nbird6\nnode-services\n')
    assert.deepEqual(await names('IPPool'), [])
    assert.deepEqual(await names('FelixConfiguration'), ['default'])
  })

  test('records what Kubernetes calls the node', async () => {
    await start('host-a', '10.20.0.1/24', { CALICO_K8S_NODE_REF: 'worker-1' })
    assert.deepEqual((await client.resources('Node').get('host-a')).spec.orchRefs, [
      { nodeName: 'worker-1', orchestrator: 'k8s' },
    ])
  })

  test('a bad variable changes nothing, here or in etcd', async () => {
    rmSync(join(dir, 'host-bad'), { recursive: true, force: true })
    await assert.rejects(start('host-bad', '10.20.0.300'), { code: 'INVALID', message: /IP: .*10\.20\.0\.300/ })
    assert.deepEqual(await everything(), {})
    assert.equal(existsSync(join(dir, 'host-bad')), false)
  })

  test('follows a change of address', async () => {
    await start('host-a', '10.20.0.1/24')
    await start('host-a', '10.20.0.9/24')
    assert.equal((await client.resources('Node').get('host-a')).spec.bgp?.ipv4Address, '10.20.0.9/24')
  })
})

describe('two nodes with one address', () => {
  test('the second is refused, both are named, and nothing of it stays', async () => {
    await start('host-a', '10.20.0.1/24')
    await assert.rejects(start('host-b', '10.20.0.1/16'), {
      code: 'CONFLICT',
      message: /10\.20\.0\.1 for node "host-b": node "host-a" has it/,
    })
    assert.deepEqual(await names('Node'), ['host-a'])
  })
  test('an IPv6 address counts as well', async () => {
    await start('host-a', '10.20.0.1/24', { IP6: 'fd00::1/64' })
    await assert.rejects(start('host-b', '10.20.0.2/24', { IP6: 'fd00::1/64' }), {
      code: 'CONFLICT',
      message: /fd00::1 .*host-a/,
    })
  })
  test('a node that changes to a taken address keeps its old one', async () => {
    await start('host-a', '10.20.0.1/24')
    await start('host-b', '10.20.0.2/24')
    await assert.rejects(start('host-b', '10.20.0.1/24'), { code: 'CONFLICT' })
    assert.equal((await client.resources('Node').get('host-b')).spec.bgp?.ipv4Address, '10.20.0.2/24')
  })
  test('the check can be switched off', async () => {
    await start('host-a', '10.20.0.1/24')
    await start('host-b', '10.20.0.1/24', { DISABLE_NODE_IP_CHECK: 'true' })
    assert.deepEqual(await names('Node'), ['host-a', 'host-b'])
  })
  test('of those that start at once at most one wins, and the losers say why', async () => {
    for (let round = 0; round < 5; round++) {
      await etcd.ctl('del', '--prefix', '/calico/')
      const results = await Promise.allSettled(['a', 'b', 'c'].map((letter) => start(`host-${letter}`, '10.20.0.1/24')))
      const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => messageOf(reason))
      assert.equal(failures.length, 2, failures.join('; '))
      for (const failure of failures) assert.match(failure, /Cannot use address 10\.20\.0\.1 for node/)
      assert.equal((await names('Node')).length, 1)
    }
  })
})

describe('an etcd that does not answer', () => {
  const collecting = (messages: string[]): Logger => {
    const logger: Logger = { ...quietLogger, warn: (message) => messages.push(message), child: () => logger }
    return logger
  }
  test('is waited for, and start-up says so', async () => {
    const port = await freePort()
    const messages: string[] = []
    const stopping = new AbortController()
    const env = envOf('host-w', '10.20.0.1/24', { ETCD_ENDPOINTS: `http://127.0.0.1:${port}` })
    const running = runStartup({ env, log: collecting(messages), signal: stopping.signal })
    await waitFor('a word about the wait', () => messages.some((message) => /etcd/.test(message)))
    stopping.abort()
    assert.equal(await running, false)
    assert.equal(existsSync(filesOf('host-w').nodename), false)
  })
  test('is fatal when waiting was switched off', async () => {
    const port = await freePort()
    await assert.rejects(
      start('host-w', '10.20.0.1/24', { ETCD_ENDPOINTS: `http://127.0.0.1:${port}`, WAIT_FOR_DATASTORE: 'false' }),
      { code: 'STORE_UNAVAILABLE' },
    )
  })
})

test('a Node written by other hands keeps its other fields', async () => {
  await client.resources('Node').create(
    makeResource(
      'Node',
      { name: 'host-a' },
      {
        bgp: { ipv4Address: '10.20.0.7/24', routeReflectorClusterID: '224.0.0.1' },
        ipv4VXLANTunnelAddr: '10.65.0.2',
      },
    ),
  )
  await start('host-a', '10.20.0.1/24')
  assert.deepEqual((await client.resources('Node').get('host-a')).spec, {
    bgp: { ipv4Address: '10.20.0.1/24', routeReflectorClusterID: '224.0.0.1' },
    ipv4VXLANTunnelAddr: '10.65.0.2',
  })
})
