import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isLabelKey, parseResourceName } from '@calico-node/model'
import { makeContext } from './driver-fixture.test.ts'
import { ensureProfile, profileNameOf } from './networks.ts'

describe('profileNameOf()', () => {
  const rows: [network: string, profile: RegExp][] = [
    ['blue', /^blue$/],
    ['front.end-1', /^front\.end-1$/],
    ['My_Net', /^my-net-[0-9a-f]{8}$/],
    ['x'.repeat(63), /^x{63}$/],
    ['x'.repeat(64), /^x{54}-[0-9a-f]{8}$/],
    [`${'x'.repeat(53)}.${'y'.repeat(20)}`, /^x{53}-[0-9a-f]{8}$/],
  ]
  for (const [network, profile] of rows)
    test(network, () => {
      const name = profileNameOf(network)
      assert.match(name, profile)
      assert.ok(isLabelKey(parseResourceName(name)))
    })
  test('two networks never share one', () => assert.notEqual(profileNameOf('my_net'), profileNameOf('My_Net')))
})

test('a profile applies its label, lets in who has it, and is never changed once it is there', async () => {
  const ctx = await makeContext()
  const profiles = ctx.client.resources('Profile')
  assert.equal(await ensureProfile(ctx, 'blue'), 'blue')
  const { spec } = await profiles.get('blue')
  assert.deepEqual(spec.labelsToApply, { blue: '' })
  assert.deepEqual(
    spec.ingress?.map(({ action, source }) => [action, source?.selector]),
    [['Allow', 'has(blue)']],
  )
  assert.deepEqual(
    spec.egress?.map(({ action }) => action),
    ['Allow'],
  )
  await profiles.modify('blue', undefined, (stored) => ({ ...stored, spec: { ...stored.spec, ingress: [] } }))
  await ensureProfile(ctx, 'blue')
  assert.deepEqual((await profiles.get('blue')).spec.ingress ?? [], [])
})
