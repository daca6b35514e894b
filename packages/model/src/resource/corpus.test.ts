/** Values that a real calicoctl and CNI plugin (3.22) stored, against what we store for the same documents. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import {
  decodeAffinity,
  decodeBlock,
  decodeHandle,
  decodeIpamConfig,
  encodeAffinity,
  encodeBlock,
  encodeHandle,
  encodeIpamConfig,
} from '../ipam/codec.ts'
import { findAffinityKey, findBlockKey, findHandleKey, IPAM_CONFIG_KEY } from '../keys/ipam-key.ts'
import { findResourceKey, resourceKey } from '../keys/resource-key.ts'
import { isPolicyKind } from './policy-name.ts'
import { decodeResource, encodeResource } from './codec.ts'
import { parseResource } from './parse.ts'
import { prepareCreate } from './prepare.ts'

interface Stored {
  readonly key: string
  readonly value: string
}
const corpus = JSON.parse(readFileSync(new URL('../testdata/etcd-corpus.json', import.meta.url), 'utf8'))
const stored: Stored[] = corpus.stored_after_apply_and_two_CNI_ADDs
const afterRelease: Stored[] = corpus.ipam_after_one_CNI_DEL_strict_affinity_and_one_ip_release

const at = ({ key }: Stored) => ({ key, modRevision: 7n })
const birth = { uid: '4f0c1c7e-3a51-4d0e-9a0b-1f0f6f0f2f11', now: new Date('2026-11-21T09:08:42.999Z') }

/** Fields that Calico 3.30 adds to what 3.22 stored; some only to a new resource. */
function withNewerFields(kind: string, value: any, { fresh }: { fresh: boolean }): any {
  if (kind === 'IPPool') value.spec.assignmentMode = 'Automatic'
  if (kind === 'FelixConfiguration' && fresh) {
    Object.assign(value.spec, {
      floatingIPs: 'Disabled',
      bpfConnectTimeLoadBalancing: 'TCP',
      bpfHostNetworkedNATWithoutCTLB: 'Enabled',
    })
  }
  if (isPolicyKind(kind)) {
    value.spec.tier = 'default'
    const name = JSON.stringify({ name: value.metadata.name.slice('default.'.length) })
    value.metadata.annotations = { ...value.metadata.annotations, 'projectcalico.org/metadata': name }
  }
  return value
}

/** Documents whose text in the corpus is not what the store got. */
function asApplied(document: any): any {
  if (document.kind === 'Node') document.spec.vxlanTunnelMACAddr = '66:01:02:03:04:05' // read by a YAML 1.1 parser as base 60
  if (document.metadata.name === 'pool-a') document.spec.nodeSelector = 'all()' // changed later, before the values were read
  return document
}

describe('applied documents are stored as Calico stores them', () => {
  for (const document of structuredClone(corpus.applied).map(asApplied)) {
    const { kind, metadata } = document
    test(`${kind} ${metadata.name}`, () => {
      const key = resourceKey(kind, metadata.name, metadata.namespace)
      const theirs = stored.find((entry) => entry.key === key)
      assert.ok(theirs, `the corpus has no ${key}`)
      const expected = withNewerFields(kind, JSON.parse(theirs.value), { fresh: true })
      const ours = JSON.parse(encodeResource(prepareCreate(parseResource(document), birth)))
      assert.deepEqual([ours.metadata.uid, ours.metadata.creationTimestamp], [birth.uid, '2026-11-21T09:08:42Z'])
      for (const value of [ours, expected]) {
        delete value.metadata.uid
        delete value.metadata.creationTimestamp
      }
      assert.deepEqual(ours, expected)
    })
  }
})

describe('stored resources go through decode and encode without loss', () => {
  const rows = stored.flatMap((entry) => {
    const found = findResourceKey(entry.key)
    return found === undefined ? [] : [{ entry, found }]
  })
  test('the corpus has resources', () => assert.ok(rows.length > 20))
  for (const { entry, found } of rows) {
    test(entry.key, () => {
      const resource = decodeResource(found.kind, entry.value, at(entry))
      assert.equal(resource.metadata.resourceVersion, '7')
      assert.equal(resourceKey(found.kind, resource.metadata.name, resource.metadata.namespace), entry.key)
      const expected = withNewerFields(found.kind, JSON.parse(entry.value), { fresh: false })
      assert.deepEqual(JSON.parse(encodeResource(resource)), expected)
    })
  }
})

test('the order of fields and the escapes are those of Go', () => {
  for (const name of ['node.host-a', 'default']) {
    const entry = stored.find(({ key }) => key.endsWith(`bgpconfigurations/${name}`))
    assert.ok(entry)
    assert.equal(encodeResource(decodeResource('BGPConfiguration', entry.value, at(entry))), entry.value)
  }
  const policy = stored.find(({ key }) => key.endsWith('default.allow-web'))
  assert.ok(policy)
  const text = encodeResource(decodeResource('GlobalNetworkPolicy', policy.value, at(policy)))
  assert.ok(text.includes(String.raw`"selector":"role == 'web' \u0026\u0026 has(app)"`))
})

describe('IPAM records go through decode and encode without loss', () => {
  const rows = [...stored, ...afterRelease].filter(({ key }) => key.startsWith('/calico/ipam/'))
  test('the corpus has records', () => assert.equal(rows.length, 12))
  for (const entry of rows) {
    test(entry.key, () => {
      const { key, value } = entry
      const before = JSON.parse(value)
      if (findBlockKey(key) !== undefined) {
        // Older than sequence numbers: 0 is what a missing one means.
        const expected = { ...before, sequenceNumber: 0, sequenceNumberForAllocation: {} }
        assert.deepEqual(JSON.parse(encodeBlock(decodeBlock(value, entry))), expected)
      } else if (findAffinityKey(key) !== undefined) assert.equal(encodeAffinity(decodeAffinity(value, entry)), value)
      else if (findHandleKey(key) !== undefined) assert.equal(encodeHandle(decodeHandle(value, entry)), value)
      else {
        assert.equal(key, IPAM_CONFIG_KEY)
        assert.equal(encodeIpamConfig(decodeIpamConfig(value, entry)), value)
      }
    })
  }
})
