import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeResource } from '@calico-node/model'
import { CalicoClient } from './client.ts'
import { ensureFelixDefaults, initialise, mergeClusterType } from './initialise.ts'
import { MemoryKvStore } from './memory-store.ts'

const cluster = () => new CalicoClient(new MemoryKvStore())

test('initialise() by ten nodes at once makes one cluster', async () => {
  const client = cluster()
  await Promise.all(Array.from({ length: 10 }, () => initialise(client, { clusterType: 'bgp' })))
  const { spec } = await client.resources('ClusterInformation').get('default')
  assert.match(spec.clusterGUID ?? '', /^[0-9a-f]{32}$/)
  assert.equal(spec.datastoreReady, true)
  assert.equal(spec.clusterType, 'bgp')
  const tiers = (await client.resources('Tier').list()).map(({ metadata }) => metadata.name)
  assert.deepEqual(tiers, ['adminnetworkpolicy', 'baselineadminnetworkpolicy', 'default'])
})

test('initialise() again writes nothing, and leaves a locked cluster locked', async () => {
  const client = cluster()
  await initialise(client)
  await client.resources('ClusterInformation').modify('default', undefined, (stored) => ({
    ...stored,
    spec: { ...stored.spec, datastoreReady: false },
  }))
  const before = (await client.store.list('')).kvs
  await initialise(client)
  assert.deepEqual((await client.store.list('')).kvs, before)
})

test('defaults of Felix are set where nobody has set anything', async () => {
  const client = cluster()
  const chosen = { logSeverityScreen: 'Debug' } as const
  await client.resources('FelixConfiguration').create(makeResource('FelixConfiguration', { name: 'node.n1' }, chosen))
  await ensureFelixDefaults(client, 'node.n1', { logSeverityScreen: 'Info', defaultEndpointToHostAction: 'Return' })
  const { spec } = await client.resources('FelixConfiguration').get('node.n1')
  assert.equal(spec.logSeverityScreen, 'Debug')
  assert.equal(spec.defaultEndpointToHostAction, 'Return')
})

for (const [present, added, merged] of [
  [undefined, undefined, undefined],
  ['k8s', undefined, 'k8s'],
  ['k8s,bgp', 'bgp,docker', 'k8s,bgp,docker'],
  [' k8s , ', 'k8s', 'k8s'],
] as const) {
  test(`cluster types "${present}" and "${added}" make "${merged}"`, () => {
    assert.equal(mergeClusterType(present, added), merged)
  })
}
