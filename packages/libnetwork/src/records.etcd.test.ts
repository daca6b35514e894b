// What the drivers keep in etcd: networks, and addresses through lost answers, deaths of the plugin and rivals.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { quietLogger } from '@calico-node/core'
import { openEtcd, type KvStore } from '@calico-node/datastore'
import { hostCidr, makeResource, parseIp } from '@calico-node/model'
import { TestEtcd } from '@calico-node/testkit'
import { contextOn, makeContext } from './driver-fixture.test.ts'
import { deleteEndpoint, NAMESPACE } from './endpoints.ts'
import { findNetwork, forgetNetwork, listNetworks, networkName, saveNetwork } from './networks.ts'

let etcd: TestEtcd
let store: KvStore
before(async () => {
  etcd = await TestEtcd.start()
  store = openEtcd({ endpoints: etcd.urls }, quietLogger)
})
after(async () => {
  store.close()
  await etcd.stop()
})

test('a network is found by every host until it is forgotten; a broken record says which key to delete', async () => {
  const ctx = await makeContext(store)
  const record = { id: 'n1', node: 'host1', scope: 'global' as const, pools: ['10.0.0.0/29'], name: 'wide' }
  await saveNetwork(ctx.client, record)
  assert.deepEqual(await findNetwork(ctx.client, 'n1'), record)
  assert.equal(await networkName(ctx, 'n1'), 'wide') // without asking Docker, which is not there
  assert.deepEqual(await listNetworks(ctx.client), [record])
  await forgetNetwork(ctx.client, 'n1')
  await forgetNetwork(ctx.client, 'n1')
  assert.equal(await findNetwork(ctx.client, 'n1'), undefined)
  await assert.rejects(networkName(ctx, 'n1'), { message: /Cannot ask Docker/ })
  await store.put('/calico/libnetwork/v1/networks/n2', '{"id":7}')
  await assert.rejects(findNetwork(ctx.client, 'n2'), { code: 'INVALID', message: /networks\/n2: delete the key/ })
  await forgetNetwork(ctx.client, 'n2')
})

test('an address is taken once, kept, taken over from a dead attempt, and released by whom it belongs to', async () => {
  const { addresses, ipam, client } = await makeContext(store)
  const ip = parseIp('10.0.0.3')
  await addresses.take(ip)
  await assert.rejects(addresses.take(ip), { code: 'ALREADY_EXISTS' })
  await addresses.keep(ip)

  // The plugin dies before it answers; the next one is asked for the same address.
  const next = contextOn(client).addresses
  await next.take(ip)
  await assert.rejects(next.take(ip), { code: 'ALREADY_EXISTS' })
  // Once an endpoint has it, it is nobody else's, whoever asks.
  const name = 'host1-libnetwork-libnetwork-e0123456789'
  const spec = { node: 'host1', orchestrator: 'libnetwork', workload: 'libnetwork', endpoint: 'e0123456789' }
  const endpoint = { ...spec, interfaceName: 'calie0123456789', ipNetworks: [hostCidr(ip)] }
  await client
    .resources('WorkloadEndpoint')
    .create(makeResource('WorkloadEndpoint', { name, namespace: NAMESPACE }, endpoint))
  await assert.rejects(contextOn(client).addresses.take(ip), { code: 'ALREADY_EXISTS' })
  await client.resources('WorkloadEndpoint').delete(name, NAMESPACE)

  await next.release(ip)
  await next.release(ip)
  assert.equal(await ipam.findHolder(ip), undefined)
  await next.keep(ip) // lost while the plugin was away: assigned again
  assert.match((await ipam.findHolder(ip))?.handle ?? '', /^libnetwork\.host1\./)
  await next.release(ip)

  await ipam.assignIp({ node: (await makeContext(store)).node, ip, handle: 'somebody.else' })
  await assert.rejects(next.take(ip), { code: 'ALREADY_EXISTS' })
  await assert.rejects(next.keep(ip), { code: 'ALREADY_EXISTS', message: /assigned to somebody\.else/ })
  await next.release(ip)
  assert.equal((await ipam.findHolder(ip))?.handle, 'somebody.else')
  await ipam.releaseByHandle('somebody.else')
})

test('eight at a time get eight addresses; a full pool says so', async () => {
  const { addresses, ipam, client, node } = await makeContext(store)
  const two = contextOn(client).addresses
  const ips = await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? addresses : two).takeAny(4)))
  assert.equal(new Set(ips).size, 8)
  await assert.rejects(addresses.takeAny(4), { code: 'EXHAUSTED' })
  await Promise.all(ips.map((ip) => addresses.release(ip)))
  assert.deepEqual(
    await Promise.all(ips.map((ip) => ipam.findHolder(ip))),
    ips.map(() => undefined),
  )
  assert.equal((await store.list(`/calico/ipam/v2/handle/libnetwork.${node}.`)).kvs.length, 0)
})

test('deleting an endpoint that is not there is fine', async () => {
  assert.deepEqual(await deleteEndpoint(await makeContext(store), 'e9999999999'), {})
})
