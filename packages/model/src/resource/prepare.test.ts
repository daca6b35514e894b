import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findResourceName } from '../text/names.ts'
import { legacyName } from './legacy-name.ts'
import { makeResource } from './parse.ts'
import { prepareCreate, prepareUpdate } from './prepare.ts'
import { referencesOf } from './references.ts'
import { DEFAULT_ALLOW_PROFILE, defaultAllowProfile } from './virtual-profile.ts'
import { encodeResource } from './codec.ts'

const birth = { uid: '4f0c1c7e-3a51-4d0e-9a0b-1f0f6f0f2f11', now: new Date('2026-01-02T03:04:05.678Z') }
const pool = makeResource('IPPool', { name: 'p', labels: { a: 'b' } }, { cidr: '10.0.0.0/16' })
const endpoint = makeResource(
  'WorkloadEndpoint',
  { namespace: 'shop', labels: { app: 'db', 'projectcalico.org/namespace': 'lie' } },
  { node: 'host-a', orchestrator: 'docker', workload: 'c0ffee', endpoint: 'eth0', interfaceName: 'cali1' },
)

describe('prepareCreate()', () => {
  test('gives uid and time of birth, whole seconds', () => {
    assert.deepEqual(prepareCreate(pool, birth).metadata, {
      name: 'p',
      labels: { a: 'b' },
      uid: birth.uid,
      creationTimestamp: '2026-01-02T03:04:05Z',
    })
  })
  test('keeps those that are there', () => {
    const metadata = { name: 'p', uid: 'mine', creationTimestamp: '2020-01-01T00:00:00Z' }
    assert.deepEqual(prepareCreate({ ...pool, metadata }, birth).metadata, metadata)
  })
  test('refuses what was read from the store', () => {
    assert.throws(() => prepareCreate({ ...pool, metadata: { name: 'p', resourceVersion: '4' } }, birth), {
      code: 'INVALID',
      message: 'Cannot accept IPPool "p": metadata.resourceVersion = "4": must be absent in a new resource',
    })
  })
  test('workload endpoints get the labels that readers rely on, whatever the user said', () => {
    assert.equal(endpoint.metadata.name, 'host--a-docker-c0ffee-eth0')
    assert.deepEqual(prepareCreate(endpoint, birth).metadata.labels, {
      app: 'db',
      'projectcalico.org/namespace': 'shop',
      'projectcalico.org/orchestrator': 'docker',
    })
  })
})

describe('prepareUpdate()', () => {
  const stored = prepareCreate(pool, birth)
  test('takes uid and time from the stored one', () => {
    const next = prepareUpdate({ ...pool, spec: { ...pool.spec, natOutgoing: true } }, stored)
    assert.deepEqual(
      [next.metadata.uid, next.metadata.creationTimestamp, next.spec.natOutgoing],
      [birth.uid, '2026-01-02T03:04:05Z', true],
    )
  })
  test('refuses to change what blocks were cut by', () => {
    const next = makeResource('IPPool', { name: 'p' }, { cidr: '10.0.0.0/15', blockSize: 27 })
    assert.throws(() => prepareUpdate(next, stored), {
      message:
        'Cannot accept IPPool "p": spec.cidr = "10.0.0.0/15": cannot be changed from 10.0.0.0/16; spec.blockSize = 27: cannot be changed from 26',
    })
  })
  test('refuses to take a pool away from load balancers', () => {
    const balancers = makeResource('IPPool', { name: 'p' }, { cidr: '10.0.0.0/16', allowedUses: ['LoadBalancer'] })
    assert.throws(() => prepareUpdate(pool, balancers), {
      message: /spec\.allowedUses = \["Workload","Tunnel"\]: cannot be changed from LoadBalancer/,
    })
    assert.doesNotThrow(() => prepareUpdate(balancers, pool))
  })
  test('keeps the labels of workload endpoints', () => {
    assert.equal(
      prepareUpdate({ ...endpoint, metadata: { ...endpoint.metadata, labels: {} } }, endpoint).metadata.labels?.[
        'projectcalico.org/namespace'
      ],
      'shop',
    )
  })
})

test('old names become new ones, and two never become one', () => {
  const rows: [old: string, name: string][] = [
    ['PROF_A_B', 'prof-a-b-2d6a3311'],
    ['web', 'web'],
    ['a.b-c', 'a.b-c'],
  ]
  for (const [old, name] of rows) assert.equal(legacyName(old), name)
  for (const old of ['a/b', 'A', '_a_', 'a-.-b', 'ä', '__', 'a__b'])
    assert.notEqual(findResourceName(legacyName(old)), undefined, old)
  assert.notEqual(legacyName('a_b'), legacyName('a%b'))
})

test('the virtual profile allows everything and would be a valid resource', () => {
  const profile = defaultAllowProfile()
  assert.equal(profile.metadata.name, DEFAULT_ALLOW_PROFILE)
  assert.equal(
    encodeResource(profile),
    '{"kind":"Profile","apiVersion":"projectcalico.org/v3","metadata":{"name":"projectcalico-default-allow"},' +
      '"spec":{"ingress":[{"action":"Allow","source":{},"destination":{}}],"egress":[{"action":"Allow","source":{},"destination":{}}]}}',
  )
})

test('what must exist beside a resource', () => {
  const peer = makeResource('BGPPeer', { name: 'p' }, { peerIP: '10.0.0.1', asNumber: 1, filters: ['in', 'out'] })
  assert.deepEqual(referencesOf(peer), [
    { field: 'spec.filters[0]', kind: 'BGPFilter', name: 'in' },
    { field: 'spec.filters[1]', kind: 'BGPFilter', name: 'out' },
  ])
  const policy = makeResource('NetworkPolicy', { name: 'sec.p', namespace: 'n' }, { tier: 'sec' })
  assert.deepEqual(referencesOf(policy), [{ field: 'spec.tier', kind: 'Tier', name: 'sec' }])
  assert.deepEqual(referencesOf(pool), [])
})
