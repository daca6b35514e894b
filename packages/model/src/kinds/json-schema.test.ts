import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { jsonSchemaOf } from './json-schema.ts'
import { ALL_KINDS, isKind, type Kind } from './table.ts'

const corpus = JSON.parse(readFileSync(new URL('../testdata/etcd-corpus.json', import.meta.url), 'utf8'))
/** An independent reading of the schema: zod turns it into a validator of its own. */
const accepts = (kind: Kind, document: unknown): boolean =>
  z.fromJSONSchema(JSON.parse(JSON.stringify(jsonSchemaOf(kind)))).safeParse(document).success
const doc = (kind: Kind, spec: object, metadata: object = { name: 'x' }) => ({
  apiVersion: 'projectcalico.org/v3',
  kind,
  metadata,
  spec,
})

describe('the JSON Schema of a kind', () => {
  for (const document of corpus.applied) {
    if (document.kind === 'Node') document.spec.vxlanTunnelMACAddr = '66:01:02:03:04:05'
    assert.ok(isKind(document.kind))
    test(`accepts ${document.kind} ${document.metadata.name}`, () => assert.ok(accepts(document.kind, document)))
  }

  const refused: [why: string, kind: Kind, document: unknown][] = [
    ['an unknown field', 'IPPool', doc('IPPool', { cidr: '10.0.0.0/8', ipipmode: 'Never' })],
    ['an unknown field at the top', 'IPPool', { ...doc('IPPool', { cidr: '10.0.0.0/8' }), sepc: {} }],
    ['a missing field', 'IPPool', doc('IPPool', {})],
    ['a word that is none of those', 'IPPool', doc('IPPool', { cidr: '10.0.0.0/8', ipipMode: 'always' })],
    ['a number out of bounds', 'BGPPeer', doc('BGPPeer', { ttlSecurity: 256 })],
    ['a fraction', 'BGPPeer', doc('BGPPeer', { ttlSecurity: 1.5 })],
    ['text for a number', 'Tier', doc('Tier', { order: 'x' })],
    ['no name', 'IPPool', doc('IPPool', { cidr: '10.0.0.0/8' }, {})],
    ['no namespace', 'NetworkPolicy', doc('NetworkPolicy', {})],
    ['another kind', 'IPPool', doc('Tier', {})],
  ]
  for (const [why, kind, document] of refused)
    test(`refuses ${why}`, () => assert.equal(accepts(kind, document), false))

  test('lets a workload endpoint go without a name', () => {
    const spec = { node: 'a', orchestrator: 'cni', containerID: 'c', endpoint: 'e', interfaceName: 'cali1' }
    assert.ok(accepts('WorkloadEndpoint', doc('WorkloadEndpoint', spec, { namespace: 'n' })))
  })

  test('exists for every kind', () => {
    for (const kind of ALL_KINDS) assert.equal(jsonSchemaOf(kind).title, kind)
  })
})
