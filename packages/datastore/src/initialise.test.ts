import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeResource } from '@calico-node/model'
import { CalicoClient } from './client.ts'
import { ensureFelixDefaults, initialise, mergeClusterType } from './initialise.ts'
import { MemoryKvStore } from './memory-store.ts'

const emptyCluster = (): CalicoClient => new CalicoClient(new MemoryKvStore())

describe('initialise()', () => {
  test('makes a cluster that Felix starts in', async () => {
    const client = emptyCluster()
    await initialise(client, { clusterType: 'bgp' })
    const { spec } = await client.resources('ClusterInformation').get('default')
    assert.match(spec.clusterGUID ?? '', /^[0-9a-f]{32}$/)
    assert.deepEqual([spec.datastoreReady, spec.clusterType, spec.calicoVersion], [true, 'bgp', undefined])
    const tiers = (await client.resources('Tier').list()).map(({ metadata, spec: { order, defaultAction } }) => [metadata.name, order, defaultAction])
    assert.deepEqual(tiers, [
      ['adminnetworkpolicy', 1000, 'Pass'], ['baselineadminnetworkpolicy', 10_000_000, 'Pass'], ['default', 1_000_000, 'Deny'],
    ])
    const felix = await client.resources('FelixConfiguration').get('default')
    assert.equal(felix.spec.reportingInterval, '30s')
    assert.equal(felix.spec.endpointReportingEnabled, true)
    assert.equal(felix.spec.logSeverityScreen, 'Info')
  })
  test('changes nothing the second time', async () => {
    const client = emptyCluster()
    await initialise(client, { clusterType: 'bgp' })
    const { revision } = await client.store.list('/calico/')
    await initialise(client, { clusterType: 'bgp' })
    assert.equal((await client.store.list('/calico/')).revision, revision)
  })
  test('overwrites nothing that somebody set', async () => {
    const client = emptyCluster()
    await client.resources('FelixConfiguration').create(
      makeResource('FelixConfiguration', { name: 'default' }, { reportingInterval: '0s', endpointReportingEnabled: false }))
    await client.resources('ClusterInformation').create(
      makeResource('ClusterInformation', { name: 'default' }, { clusterGUID: 'abc', datastoreReady: false, calicoVersion: 'v3.30.7' }))
    await initialise(client, { clusterType: 'k8s' })
    const felix = await client.resources('FelixConfiguration').get('default')
    assert.deepEqual([felix.spec.reportingInterval, felix.spec.endpointReportingEnabled, felix.spec.logSeverityScreen], ['0s', false, 'Info'])
    const { spec } = await client.resources('ClusterInformation').get('default')
    assert.deepEqual([spec.clusterGUID, spec.datastoreReady, spec.calicoVersion, spec.clusterType], ['abc', false, 'v3.30.7', 'k8s'])
  })
  test('may be run by many at once', async () => {
    const client = emptyCluster()
    await Promise.all(['a', 'b', 'c', 'd'].map((clusterType) => initialise(client, { clusterType })))
    const { spec } = await client.resources('ClusterInformation').get('default')
    assert.deepEqual(spec.clusterType?.split(',').toSorted(), ['a', 'b', 'c', 'd'])
  })
})

test('ensureFelixDefaults() fills in what is unset', async () => {
  const client = emptyCluster()
  await ensureFelixDefaults(client, 'node.a', { defaultEndpointToHostAction: 'Return' })
  await ensureFelixDefaults(client, 'node.a', { defaultEndpointToHostAction: 'Drop', ipv6Support: false })
  const { spec } = await client.resources('FelixConfiguration').get('node.a')
  assert.deepEqual([spec.defaultEndpointToHostAction, spec.ipv6Support], ['Return', false])
})

describe('mergeClusterType()', () => {
  const cases: [present: string | undefined, added: string | undefined, expected: string | undefined][] = [
    [undefined, undefined, undefined], ['', '', undefined], [undefined, 'k8s', 'k8s'], ['k8s', undefined, 'k8s'],
    ['k8s,bgp', 'bgp, openshift ,k8s', 'k8s,bgp,openshift'],
  ]
  for (const [present, added, expected] of cases) {
    test(`${present ?? 'none'} and ${added ?? 'none'}`, () => assert.equal(mergeClusterType(present, added), expected))
  }
})
