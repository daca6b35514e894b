import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { hasCode, quietLogger } from '@calico-node/core'
import { makeResource, NAME_ANNOTATION, type GlobalNetworkPolicyResource, type NodeResource } from '@calico-node/model'
import { CalicoClient } from './client.ts'
import { MemoryKvStore } from './memory-store.ts'

const ROOT = '/calico/resources/v3/projectcalico.org'
let store: MemoryKvStore
let warnings: string[]
let client: CalicoClient
beforeEach(() => {
  store = new MemoryKvStore()
  warnings = []
  client = new CalicoClient(store, { log: { ...quietLogger, warn: (message) => warnings.push(message) } })
})

const node = (name: string, asNumber = 64512): NodeResource => makeResource('Node', { name }, { bgp: { asNumber } })
const policy = (name: string, tier?: string): GlobalNetworkPolicyResource =>
  makeResource('GlobalNetworkPolicy', { name }, { selector: 'all()', ...(tier !== undefined && { tier }) })

describe('ResourceClient', () => {
  test('create gives uid, time and version, and stores no version', async () => {
    const created = await client.resources('Node').create(node('n1'))
    const { uid = '', creationTimestamp = '', resourceVersion } = created.metadata
    assert.match(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4/)
    assert.match(creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const kv = await store.get(`${ROOT}/nodes/n1`)
    assert.equal(resourceVersion, String(kv?.modRevision))
    assert.equal(kv?.value.includes('resourceVersion'), false)
    assert.deepEqual(await client.resources('Node').get('n1'), created)
    await assert.rejects(client.resources('Node').create(node('n1')), { code: 'ALREADY_EXISTS', message: /Node "n1"/ })
    await assert.rejects(client.resources('Node').create(created), { code: 'INVALID', message: /resourceVersion/ })
  })

  test('what does not exist is undefined to find and NOT_FOUND to get, update, modify and delete', async () => {
    const nodes = client.resources('Node')
    assert.equal(await nodes.find('absent'), undefined)
    const ghost = { ...node('absent'), metadata: { name: 'absent', resourceVersion: '5' } }
    for (const call of [
      nodes.get('absent'),
      nodes.update(ghost),
      nodes.modify('absent', undefined, (stored) => stored),
      nodes.delete('absent'),
    ])
      await assert.rejects(call, { code: 'NOT_FOUND', message: /Node "absent": it does not exist/ })
  })

  test('update replaces the version that was read, and no other', async () => {
    const nodes = client.resources('Node')
    const first = await nodes.create(node('n1'))
    const second = await nodes.update({
      ...first,
      spec: { bgp: { ...first.spec.bgp, asNumber: node('x', 65001).spec.bgp?.asNumber } },
    })
    assert.equal(second.metadata.uid, first.metadata.uid)
    assert.equal(Number((await nodes.get('n1')).spec.bgp?.asNumber), 65001)
    await assert.rejects(nodes.update(first), { code: 'CONFLICT' })
    await assert.rejects(nodes.update(node('n1')), { code: 'INVALID', message: /no resourceVersion/ })
  })

  test('apply creates, then replaces whatever is there, and keeps uid and time', async () => {
    const nodes = client.resources('Node')
    const first = await nodes.apply(node('n1'))
    const second = await nodes.apply(node('n1', 65002))
    assert.equal(Number(second.spec.bgp?.asNumber), 65002)
    assert.equal(second.metadata.uid, first.metadata.uid)
    assert.equal(second.metadata.creationTimestamp, first.metadata.creationTimestamp)
  })

  test('modify loses no change, however many change at once', async () => {
    const nodes = client.resources('Node')
    await nodes.create(node('n1'))
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        nodes.modify('n1', undefined, (stored) => ({
          ...stored,
          metadata: { ...stored.metadata, labels: { ...stored.metadata.labels, [`writer-${i}`]: 'was-here' } },
        })),
      ),
    )
    assert.equal(Object.keys((await nodes.get('n1')).metadata.labels ?? {}).length, 10)
  })

  test('modify takes what was read before for what is stored, and reads again when it is not', async () => {
    const nodes = client.resources('Node')
    const old = await nodes.create(node('n1'))
    const labelled = (stored: NodeResource, key: string): NodeResource => ({
      ...stored,
      metadata: { ...stored.metadata, labels: { ...stored.metadata.labels, [key]: 'yes' } },
    })
    const seen: NodeResource[] = []
    for (const key of ['first', 'second']) {
      const change = (stored: NodeResource): NodeResource => {
        seen.push(stored)
        return labelled(stored, key)
      }
      await nodes.modify('n1', undefined, change, { assumed: old })
    }
    assert.deepEqual((await nodes.get('n1')).metadata.labels, { first: 'yes', second: 'yes' })
    assert.deepEqual(
      seen.map(({ metadata }) => Object.keys(metadata.labels ?? {})),
      [[], [], ['first']],
    )
    await nodes.delete('n1')
    const gone = nodes.modify('n1', undefined, (stored) => stored, { assumed: old })
    await assert.rejects(gone, { code: 'NOT_FOUND', message: /Node "n1": it does not exist/ })
  })

  test('modify writes nothing when nothing changes', async () => {
    const nodes = client.resources('Node')
    const before = await nodes.create(node('n1'))
    assert.equal(await nodes.modify('n1', undefined, () => undefined), undefined)
    assert.deepEqual(await nodes.get('n1'), before)
  })

  test('modify gives up on a resource that never stands still', async () => {
    const nodes = client.resources('Node')
    await nodes.create(node('n1'))
    const restless = nodes.modify('n1', undefined, (stored) => {
      void store.put(
        `${ROOT}/nodes/n1`,
        JSON.stringify({ ...stored, metadata: { ...stored.metadata, resourceVersion: undefined } }),
      )
      return stored
    })
    await assert.rejects(restless, { code: 'CONFLICT', message: /others kept changing it/ })
  })

  test('fields that this version does not know survive a change', async () => {
    const nodes = client.resources('Node')
    const { metadata } = await nodes.create(node('n1'))
    const value = {
      kind: 'Node',
      apiVersion: 'projectcalico.org/v3',
      metadata,
      spec: { fromTheFuture: { a: [1] } },
      status: {},
    }
    await store.put(`${ROOT}/nodes/n1`, JSON.stringify(value))
    await nodes.modify('n1', undefined, (stored) => ({
      ...stored,
      metadata: { ...stored.metadata, labels: { a: 'b' } },
    }))
    const stored: unknown = JSON.parse((await store.get(`${ROOT}/nodes/n1`))?.value ?? '')
    assert.deepEqual(Reflect.get(Object(stored), 'spec'), { fromTheFuture: { a: [1] } })
  })

  test('ensure creates once and then leaves it alone', async () => {
    const nodes = client.resources('Node')
    const made = await Promise.all([nodes.ensure(node('n1', 65001)), nodes.ensure(node('n1', 65002))])
    assert.deepEqual(made[0], made[1])
    assert.deepEqual(await nodes.ensure(node('n1', 65003)), made[0])
  })

  test('delete minds the version when it is given one, and takes what cannot be read', async () => {
    const nodes = client.resources('Node')
    const { metadata } = await nodes.create(node('n1'))
    await assert.rejects(nodes.delete('n1', undefined, { resourceVersion: '1' }), { code: 'CONFLICT' })
    await nodes.delete('n1', undefined, { resourceVersion: metadata.resourceVersion ?? '' })
    await store.put(`${ROOT}/nodes/broken`, '{')
    await assert.rejects(nodes.get('broken'), { code: 'INVALID' })
    await nodes.delete('broken')
    assert.deepEqual((await store.list(ROOT)).kvs, [])
  })

  test('list leaves out other kinds and, with a warning, what cannot be read', async () => {
    const nodes = client.resources('Node')
    for (const name of ['b', 'a']) await nodes.create(node(name))
    await store.put(`${ROOT}/nodes/broken`, '{"kind":"Node"}')
    await store.put(`${ROOT}/nodes/too/deep`, '{}')
    assert.deepEqual(
      (await nodes.list()).map(({ metadata }) => metadata.name),
      ['a', 'b'],
    )
    assert.deepEqual(warnings, ['Stored resource cannot be read and is left out'])
  })

  test('namespaces keep resources of one name apart', async () => {
    const sets = client.resources('NetworkSet')
    for (const namespace of ['one', 'two'])
      await sets.create(makeResource('NetworkSet', { name: 'a', namespace }, { nets: [] }))
    assert.deepEqual(
      (await sets.list()).map(({ metadata }) => metadata.namespace),
      ['one', 'two'],
    )
    assert.deepEqual(
      (await sets.list({ namespace: 'two' })).map(({ metadata }) => metadata.namespace),
      ['two'],
    )
    await sets.delete('a', 'one')
    assert.equal(await sets.find('a', 'one'), undefined)
    assert.equal((await sets.get('a', 'two')).metadata.namespace, 'two')
  })
})

describe('ResourceClient and the profile that is not stored', () => {
  const name = 'projectcalico-default-allow'
  test('it is always there', async () => {
    assert.deepEqual(
      (await client.resources('Profile').get(name)).spec.ingress?.map(({ action }) => action),
      ['Allow'],
    )
    assert.deepEqual(
      (await client.resources('Profile').list()).map(({ metadata }) => metadata.name),
      [name],
    )
    assert.deepEqual(await client.resources('Tier').list(), [])
  })
  test('it cannot be created, changed or deleted', async () => {
    const profiles = client.resources('Profile')
    const profile = makeResource('Profile', { name }, {})
    await assert.rejects(profiles.create(profile), { code: 'ALREADY_EXISTS' })
    for (const call of [
      profiles.apply(profile),
      profiles.modify(name, undefined, (stored) => stored),
      profiles.delete(name),
    ]) {
      await assert.rejects(call, { code: 'UNSUPPORTED' })
    }
    assert.deepEqual((await store.list('')).kvs, [])
  })
})

describe('ResourceClient and the names of policies', () => {
  const policies = () => client.resources('GlobalNetworkPolicy')
  const plain = (name: string, tier: string, order: number): Promise<unknown> =>
    store.put(
      `${ROOT}/globalnetworkpolicies/${name}`,
      JSON.stringify({
        kind: 'GlobalNetworkPolicy',
        apiVersion: 'projectcalico.org/v3',
        spec: { tier, order },
        metadata: {
          name,
          uid: 'u',
          creationTimestamp: '2026-01-01T00:00:00Z',
          annotations: { [NAME_ANNOTATION]: `{"name":"${name}"}` },
        },
      }),
    )

  test('the key carries the tier, the reader sees the name that was given', async () => {
    await policies().create(policy('foo'))
    await policies().create(policy('sec.bar', 'sec'))
    const keys = (await store.list(ROOT)).kvs.map((kv) => kv.key.slice(ROOT.length))
    assert.deepEqual(keys, ['/globalnetworkpolicies/default.foo', '/globalnetworkpolicies/sec.bar'])
    assert.deepEqual(
      (await policies().list()).map(({ metadata }) => metadata.name),
      ['foo', 'sec.bar'],
    )
  })
  test('one key answers to one spelling', async () => {
    await policies().create(policy('foo'))
    assert.equal(await policies().find('default.foo'), undefined)
    await assert.rejects(policies().delete('default.foo'), { code: 'NOT_FOUND' })
    const taken = { code: 'ALREADY_EXISTS', message: /its key holds the one named "foo"$/ }
    const other = policy('default.foo')
    for (const write of [policies().create(other), policies().apply(other), policies().ensure(other)]) {
      await assert.rejects(write, taken)
    }
    await policies().delete('foo')
    assert.deepEqual((await store.list(ROOT)).kvs, [])
  })
  test('a policy under the key without the tier moves also when it was read before', async () => {
    await plain('foo', 'default', 5)
    const [read] = await policies().list()
    assert.ok(read !== undefined)
    const change = (stored: GlobalNetworkPolicyResource): GlobalNetworkPolicyResource => ({
      ...stored,
      spec: { ...stored.spec, order: 6 },
    })
    await policies().modify('foo', undefined, change, { assumed: read })
    const keys = (await store.list(ROOT)).kvs.map((kv) => kv.key.slice(ROOT.length))
    assert.deepEqual(keys, ['/globalnetworkpolicies/default.foo'])
    assert.equal((await policies().get('foo')).spec.order, 6)
  })
  test('a policy under the key without the tier is found, and moves when it is changed', async () => {
    await plain('foo', 'default', 5)
    assert.equal((await policies().get('foo')).spec.order, 5)
    await assert.rejects(policies().create(policy('foo')), { code: 'ALREADY_EXISTS' })
    const changed = await policies().modify('foo', undefined, (stored) => ({
      ...stored,
      spec: { ...stored.spec, order: 6 },
    }))
    assert.equal(changed?.metadata.uid, 'u')
    assert.deepEqual(
      (await store.list(ROOT)).kvs.map((kv) => kv.key),
      [`${ROOT}/globalnetworkpolicies/default.foo`],
    )
    assert.equal((await policies().get('foo')).spec.order, 6)
  })
  test('of one policy under both keys the one with the tier counts', async () => {
    await policies().create(policy('foo'))
    await plain('foo', 'default', 5)
    assert.equal((await policies().get('foo')).spec.order, undefined)
    assert.deepEqual(
      (await policies().list()).map(({ spec }) => spec.order),
      [undefined],
    )
    assert.deepEqual(warnings, ['Policy is stored twice, one is ignored'])
    await policies().delete('foo')
    assert.deepEqual((await store.list(ROOT)).kvs, [])
  })
  test('errors name the resource', async () => {
    const err: unknown = await policies()
      .get('foo')
      .catch((reason: unknown) => reason)
    assert.ok(hasCode(err, 'NOT_FOUND'))
    assert.equal(err.message, 'Cannot get GlobalNetworkPolicy "foo": it does not exist')
  })
})
