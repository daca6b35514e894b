/** Each component can do its work with its role alone, and no more than its work. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { hasCode, quietLogger } from '@calico-node/core'
import {
  affinityKey,
  blockKey,
  BLOCK_PREFIX,
  felixStatusKey,
  handleKey,
  IPAM_CONFIG_KEY,
  makeResource,
  parseCidr,
  parseNodeName,
  resourceKey,
  resourcePrefix,
  workloadStatusKey,
} from '@calico-node/model'
import { TestEtcd } from '@calico-node/testkit'
import { CalicoClient } from './client.ts'
import { openEtcd } from './etcd/etcd-store.ts'
import { waitForEtcd } from './etcd/wait.ts'
import { initialise } from './initialise.ts'
import type { KvStore } from './kv-store.ts'
import { etcdRoles, roleCommands, type EtcdComponent } from './roles.ts'
import { SyncReplica } from './sync-replica.test.ts'

let etcd: TestEtcd
let root: KvStore
const stores = new Map<EtcdComponent, KvStore>()
before(async () => {
  etcd = await TestEtcd.start({ rootPassword: 'root' })
  root = openEtcd({ endpoints: etcd.urls, username: 'root', password: 'root' }, quietLogger)
  for (const role of etcdRoles()) {
    for (const command of roleCommands(role)) await etcd.ctl(...command)
    await etcd.ctl('user', 'add', `${role.component}:secret`)
    await etcd.ctl('user', 'grant-role', role.component, `calico-${role.component}`)
    stores.set(
      role.component,
      openEtcd({ endpoints: etcd.urls, username: role.component, password: 'secret' }, quietLogger),
    )
  }
  await initialise(new CalicoClient(root))
})
after(async () => {
  for (const store of [root, ...stores.values()]) store.close()
  await etcd.stop()
})

function as(component: EtcdComponent): KvStore {
  const store = stores.get(component)
  assert.ok(store)
  return store
}

/** Follows `prefixes` as `component` until it is level with root's view of them. */
async function follows(component: EtcdComponent, prefixes: readonly string[]): Promise<void> {
  const replica = new SyncReplica(as(component), prefixes)
  await replica.catchesUpWith(root, prefixes)
  await replica.stop()
}

/** Everything that an allocation of an address reads and writes. */
async function allocates(store: KvStore, node: string): Promise<void> {
  const cidr = parseCidr(`10.0.${node.length}.0/26`)
  for (const key of [affinityKey(parseNodeName(node), cidr), blockKey(cidr), handleKey(`handle-${node}`)]) {
    const { modRevision } = await store.create(key, '{}')
    await store.update(key, '{"deleted":true}', modRevision)
    await store.delete(key)
  }
  await store.list(BLOCK_PREFIX)
  await store.put(IPAM_CONFIG_KEY, '{"auto_allocate_blocks":true}')
}

const denied = (call: Promise<unknown>): Promise<void> =>
  assert.rejects(call, (err) => hasCode(err, 'FORBIDDEN') && /has no permission/.test(err.message))

describe('roles in etcd', () => {
  test('everybody may wait for the datastore', async () => {
    for (const store of stores.values()) {
      assert.equal(await waitForEtcd(store, { log: quietLogger, signal: AbortSignal.timeout(5000) }), true)
    }
  })

  test('felix follows what it needs and reports status, and changes nothing else', async () => {
    const felix = as('felix')
    await follows('felix', etcdRoles().find(({ component }) => component === 'felix')?.readPrefixes ?? [])
    await felix.put(felixStatusKey('n1'), '{}', { ttlSeconds: 5 })
    const status = workloadStatusKey('n1', { orchestrator: 'cni', workload: 'default/w', endpoint: 'eth0' })
    await felix.put(status, '{"status":"up"}')
    await felix.delete(status)
    await denied(felix.put(resourceKey('Node', 'n1'), '{}'))
    await denied(felix.list('/calico/ipam/v2/handle/'))
    await denied(felix.list('/'))
  })

  test('confd follows what it needs and writes nothing', async () => {
    const kinds = ['Node', 'IPPool', 'BGPConfiguration', 'BGPPeer', 'BGPFilter'] as const
    await follows('confd', [...kinds.map((kind) => resourcePrefix(kind)), '/calico/ipam/v2/host/n1/'])
    await denied(as('confd').put(resourceKey('Node', 'n1'), '{}'))
    await denied(as('confd').list(resourcePrefix('GlobalNetworkPolicy')))
  })

  test('startup sets up a cluster and registers its node', async () => {
    const store = as('startup')
    const client = new CalicoClient(store)
    await initialise(client, { clusterType: 'k8s' })
    await client.resources('Node').ensure(makeResource('Node', { name: 'n1' }, {}))
    await client.resources('Node').modify('n1', undefined, (node) => node)
    await client.resources('IPPool').ensure(makeResource('IPPool', { name: 'p' }, { cidr: '10.0.0.0/16' }))
    await client.resources('FelixConfiguration').ensure(makeResource('FelixConfiguration', { name: 'node.n1' }, {}))
    await client.resources('BGPConfiguration').ensure(makeResource('BGPConfiguration', { name: 'default' }, {}))
    assert.deepEqual(await client.resources('IPReservation').list(), [])
    await allocates(store, 'startup')
    await denied(client.resources('WorkloadEndpoint').list())
    await denied(client.resources('GlobalNetworkPolicy').list())
  })

  test('cni records workloads with profiles and addresses', async () => {
    const store = as('cni')
    const client = new CalicoClient(store)
    await client.resources('Profile').ensure(makeResource('Profile', { name: 'net1' }, {}))
    const spec = {
      node: 'n1',
      orchestrator: 'cni',
      containerID: 'c1',
      endpoint: 'eth0',
      interfaceName: 'cali1',
      profiles: ['net1'],
      ipNetworks: ['10.0.0.1/32'],
    }
    const name = 'n1-cni-c1-eth0'
    await client
      .resources('WorkloadEndpoint')
      .create(makeResource('WorkloadEndpoint', { name, namespace: 'default' }, spec))
    await client.resources('WorkloadEndpoint').delete(name, 'default')
    await client.resources('IPPool').list()
    await client.resources('IPReservation').list()
    await client.resources('Node').find('n1')
    await allocates(store, 'cni')
    await denied(client.resources('Node').apply(makeResource('Node', { name: 'n1' }, {})))
    await denied(client.resources('GlobalNetworkPolicy').list())
  })

  test('libnetwork records networks, and containers with profiles and addresses', async () => {
    const store = as('libnetwork')
    const key = '/calico/libnetwork/v1/networks/n1'
    await store.put(key, '{}')
    await store.list('/calico/libnetwork/v1/networks/')
    await store.delete(key)
    const client = new CalicoClient(store)
    await client.resources('Profile').ensure(makeResource('Profile', { name: 'blue' }, {}))
    await client.resources('WorkloadEndpoint').list({ namespace: 'libnetwork' })
    await allocates(store, 'libnetwork')
    await denied(as('cni').put(key, '{}'))
    await denied(client.resources('GlobalNetworkPolicy').list())
  })

  test('the operator may do everything of Calico, and nothing else', async () => {
    const client = new CalicoClient(as('operator'))
    await client
      .resources('GlobalNetworkPolicy')
      .create(makeResource('GlobalNetworkPolicy', { name: 'p' }, { selector: 'all()' }))
    await allocates(as('operator'), 'operator')
    await as('operator').list('/calico/')
    await denied(as('operator').put('/registry/secrets', '{}'))
    await denied(as('operator').list('/'))
  })
})
