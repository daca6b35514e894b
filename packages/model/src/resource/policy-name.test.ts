import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resourceKey } from '../keys/resource-key.ts'
import { decodeResource, encodeResource } from './codec.ts'
import { makeResource } from './parse.ts'
import { policyStorageName, tierOfStorageName } from './policy-name.ts'
import { resolvePolicyNames } from './policy-shadow.ts'

const PREFIX = '/calico/resources/v3/projectcalico.org/globalnetworkpolicies/'
const NOTE = 'projectcalico.org/metadata'
const TIER = 'projectcalico.org/tier'

/** A policy as some version of Calico stored it. */
function read(storageName: string, { tier, note, labels }: { tier?: string; note?: string; labels?: object } = {}) {
  const annotations = note === undefined ? undefined : { [NOTE]: note }
  const value = JSON.stringify({ metadata: { name: storageName, annotations, labels }, spec: { tier } })
  return {
    key: PREFIX + storageName,
    resource: decodeResource('GlobalNetworkPolicy', value, { key: PREFIX + storageName, modRevision: 4n }),
  }
}

test('storage names carry the tier', () => {
  const rows: [name: string, storageName: string, tier: string][] = [
    ['foo', 'default.foo', 'default'],
    ['default.foo', 'default.foo', 'default'],
    ['sec.foo', 'sec.foo', 'sec'],
    ['knp.default.web', 'knp.default.web', 'default'],
    ['kanp.adminnetworkpolicy.web', 'kanp.adminnetworkpolicy.web', 'adminnetworkpolicy'],
    ['kbanp.baselineadminnetworkpolicy.web', 'kbanp.baselineadminnetworkpolicy.web', 'baselineadminnetworkpolicy'],
    ['ossg.default.web', 'ossg.default.web', 'default'],
    ['ossg.web', 'ossg.web', 'default'],
  ]
  for (const [name, storageName, tier] of rows) {
    assert.equal(policyStorageName(name), storageName)
    assert.equal(tierOfStorageName(storageName), tier, storageName)
  }
  assert.equal(tierOfStorageName('foo'), 'default')
})

describe('reading gives the name that the user gave, and the tier', () => {
  const rows: [who: string, stored: ReturnType<typeof read>, name: string, tier: string][] = [
    ['3.28', read('default.foo'), 'foo', 'default'],
    ['3.30', read('default.foo', { tier: 'default', note: '{"name":"foo"}' }), 'foo', 'default'],
    [
      '3.30, typed with the tier',
      read('default.foo', { tier: 'default', note: '{"name":"default.foo"}' }),
      'default.foo',
      'default',
    ],
    ['3.30, other tier', read('sec.foo', { note: '{"name":"sec.foo"}' }), 'sec.foo', 'sec'],
    ['3.30, other tier, no note', read('sec.foo'), 'sec.foo', 'sec'],
    ['3.32', read('foo', { tier: 'default', note: '{"name":"foo"}' }), 'foo', 'default'],
    ['3.32, other tier', read('bar', { tier: 'sec', note: '{"name":"bar"}' }), 'bar', 'sec'],
    ['a note of somebody else', read('default.foo', { note: 'my note' }), 'foo', 'default'],
    ['a note without a name', read('default.foo', { note: '{"labels":{}}' }), 'foo', 'default'],
    ['derived from Kubernetes', read('knp.default.web'), 'knp.default.web', 'default'],
  ]
  for (const [who, { resource }, name, tier] of rows) {
    test(`as ${who} stored it`, () => {
      assert.equal(resource.metadata.name, name)
      assert.equal(resource.spec.tier, tier)
      assert.equal(resource.metadata.labels?.[TIER], tier)
      assert.equal(resource.metadata.annotations, undefined)
    })
  }
  test('other notes and labels stay', () => {
    const { resource } = read('default.foo', { labels: { a: 'b', [TIER]: 'odd' } })
    assert.deepEqual(resource.metadata.labels, { a: 'b', [TIER]: 'odd' })
  })
})

describe('writing', () => {
  const write = (name: string, tier: string) =>
    JSON.parse(
      encodeResource(
        makeResource('GlobalNetworkPolicy', { name, labels: { a: 'b' }, annotations: { n: 'x' } }, { tier }),
      ),
    )
  test('in the tier default: name with tier, note, no label', () => {
    const { metadata, spec } = write('foo', 'default')
    assert.deepEqual(metadata, {
      name: 'default.foo',
      labels: { a: 'b' },
      annotations: { n: 'x', [NOTE]: '{"name":"foo"}' },
    })
    assert.equal(spec.tier, 'default')
  })
  test('in another tier: a label, too', () => {
    const { metadata } = write('sec.foo', 'sec')
    assert.deepEqual(metadata, {
      name: 'sec.foo',
      labels: { a: 'b', [TIER]: 'sec' },
      annotations: { n: 'x', [NOTE]: '{"name":"sec.foo"}' },
    })
  })
  test('what was read is written under the same name', () => {
    for (const name of ['foo', 'default.foo']) {
      const text = encodeResource(makeResource('GlobalNetworkPolicy', { name }, {}))
      const key = resourceKey('GlobalNetworkPolicy', name)
      assert.equal(encodeResource(decodeResource('GlobalNetworkPolicy', text, { key, modRevision: 1n })), text)
    }
  })
  test('directions follow from the rules, in a new policy only', () => {
    const typesOf = (spec: object) => makeResource('GlobalNetworkPolicy', { name: 'p' }, spec).spec.types
    const rule = { action: 'Allow' }
    assert.deepEqual(typesOf({}), ['Ingress'])
    assert.deepEqual(typesOf({ egress: [rule] }), ['Egress'])
    assert.deepEqual(typesOf({ ingress: [rule], egress: [rule] }), ['Ingress', 'Egress'])
    assert.deepEqual(typesOf({ types: ['Egress'] }), ['Egress'])
    assert.equal(
      read('default.foo').resource.spec.types,
      undefined,
      'a stored policy without types is enforced both ways',
    )
  })
})

describe('two stored policies of one name', () => {
  const prefixed = read('default.foo', { note: '{"name":"foo"}' })
  const plain = read('foo', { note: '{"name":"foo"}' })
  const typed = read('default.bar', { note: '{"name":"default.bar"}' })
  test('the one with the tier counts, whatever the order', () => {
    for (const entries of [
      [prefixed, plain, typed],
      [typed, plain, prefixed],
    ]) {
      const { policies, shadowed } = resolvePolicyNames(entries)
      assert.deepEqual(new Set(policies), new Set([prefixed, typed]))
      assert.deepEqual(shadowed, [{ entry: plain, by: prefixed.key }])
    }
  })
  test('alone, the one without the tier counts', () => {
    assert.deepEqual(resolvePolicyNames([plain]), { policies: [plain], shadowed: [] })
  })
})
