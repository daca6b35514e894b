/**
 * Documents that a real calicoctl 3.22 accepted or refused, offered to ours on the same datastore: the verdicts
 * agree, and a refusal names the file, the line and the field.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { initialise } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { TestCluster } from './harness.test.ts'

interface Case {
  readonly title: string
  readonly document: { readonly kind: string }
  readonly accepted: boolean
  readonly field?: string
}
const CASES: readonly Case[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testdata', 'validation.json'), 'utf8'),
)

let cluster: TestCluster
before(async () => {
  cluster = await TestCluster.start()
  await initialise(cluster.client)
  await cluster.client.resources('IPPool').create(makeResource('IPPool', { name: 'pool-a' }, { cidr: '10.65.0.0/16' }))
  await cluster.client
    .resources('IPPool')
    .create(makeResource('IPPool', { name: 'pool-six' }, { cidr: 'fd80:65::/48' }))
  await cluster.client
    .resources('Node')
    .create(makeResource('Node', { name: 'host-a' }, { bgp: { ipv4Address: '10.20.0.1/24' } }))
})
after(() => cluster.stop())

/** The last part of a Go field path: `IPPool.Spec.CIDR` -> `cidr`. */
const lastPart = (field: string): string => (field.split('.').at(-1) ?? '').replace(/\[.*/, '').toLowerCase()

describe('apply', () => {
  for (const { title, document, accepted, field } of CASES) {
    test(`${accepted ? 'accepts' : 'refuses'} ${title}`, async () => {
      const held = await cluster.everything()
      const { exit, stderr } = await cluster.cli('apply -f -', { stdin: JSON.stringify(document, undefined, 2) })
      assert.equal(exit, accepted ? 0 : 1, stderr)
      if (accepted) return
      assert.deepEqual(await cluster.everything(), held)
      if (field !== undefined && lastPart(field).length > 4) {
        assert.match(stderr, /-, document 1, line \d+: /)
        assert.ok(stderr.toLowerCase().includes(lastPart(field)), `${field}: ${stderr}`)
      }
    })
  }
})
