import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeResource, parseIp, type WorkloadEndpointResource } from '@calico-node/model'
import { findOrphans, isEmpty, stillOrphans, type Survey } from './survey.ts'

const endpoint = (id: string, ip: string): WorkloadEndpointResource =>
  makeResource(
    'WorkloadEndpoint',
    { name: `host1-libnetwork-libnetwork-${id}`, namespace: 'libnetwork' },
    {
      node: 'host1',
      orchestrator: 'libnetwork',
      workload: 'libnetwork',
      endpoint: id,
      interfaceName: `cali${id}`,
      ipNetworks: [`${ip}/32`],
    },
  )

const EVERYTHING: Survey = {
  endpoints: [endpoint('live', '10.0.0.1'), endpoint('dead', '10.0.0.2')],
  held: new Map([
    ['of-live', [parseIp('10.0.0.1')]],
    ['of-dead', [parseIp('10.0.0.2')]],
    ['of-nobody', [parseIp('10.0.0.3')]],
    ['empty', []],
  ]),
  networks: [
    { id: 'here', pools: [], scope: 'local' },
    { id: 'gone', pools: [], scope: 'local' },
    { id: 'wide', pools: [], scope: 'global' },
    { id: 'of-an-older-version', pools: [] },
  ],
  docker: { containers: [{ labels: {}, endpoints: ['live', 'on-a-bridge'] }], networkIds: new Set(['here']) },
}

test('findOrphans() finds what no running container and no network of Docker accounts for', () => {
  assert.deepEqual(findOrphans(EVERYTHING), {
    endpoints: new Set(['dead']),
    handles: new Set(['of-dead', 'of-nobody', 'empty']),
    networks: new Set(['gone']),
  })
  const { held, endpoints } = EVERYTHING
  const sound: Survey = {
    ...EVERYTHING,
    endpoints: endpoints.slice(0, 1),
    held: new Map([...held].slice(0, 1)),
    networks: [],
  }
  assert.ok(isEmpty(findOrphans(sound)))
})

test('stillOrphans() spares what came up, or was new, between two looks', () => {
  const sets = (...ids: string[]) => ({ endpoints: new Set(ids), handles: new Set(ids), networks: new Set(ids) })
  assert.deepEqual(stillOrphans(sets('a', 'owned-by-now'), sets('a', 'new')), sets('a'))
  assert.ok(isEmpty(stillOrphans(sets('a'), sets('b'))))
})
