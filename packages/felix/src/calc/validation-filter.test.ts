import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stored, workload } from './graph-testing.ts'
import { type Filtered, ValidationFilter } from './validation-filter.ts'

const filterOf = (allowSpoofing = false) => {
  const filter = new ValidationFilter({ allowSpoofing })
  return ([key, value]: readonly [string, string | undefined]): Filtered =>
    filter.filter([{ key, kv: value === undefined ? undefined : { value, modRevision: 1n } }])
}

describe('ValidationFilter', () => {
  const key = '/calico/resources/v3/projectcalico.org/tiers/t'
  const [, valid] = stored('tiers', 't', { order: 5 })

  test('tells once that a value is invalid, with key, field and reason, and once that it is mended', () => {
    const see = filterOf()
    const first = see([key, JSON.stringify({ metadata: { name: 't' }, spec: { order: 'first' } })])
    assert.deepEqual(first.inputs, [{ kind: 'tier', key, value: undefined }])
    const [verdict] = first.verdicts
    assert.deepEqual([verdict?.key, verdict?.fault?.kind], [key, 'invalid'])
    assert.match(verdict?.fault?.reason ?? '', /spec\.order/)
    assert.deepEqual(see([key, JSON.stringify({ metadata: { name: 't' }, spec: { order: 'first' } })]).verdicts, [])
    assert.equal(see([key, '{"metadata"']).verdicts.length, 1, 'another reason is told')
    const mended = see([key, valid])
    assert.deepEqual(mended.verdicts, [{ key, fault: undefined }])
    assert.equal(mended.inputs[0]?.value !== undefined, true)
    assert.deepEqual(see([key, valid]).verdicts, [])
  })

  test('an invalid value that goes away is mended', () => {
    const see = filterOf()
    see([key, '{'])
    assert.deepEqual(see([key, undefined]).verdicts, [{ key, fault: undefined }])
  })

  test('tells of rules that match nothing, and lets the others through', () => {
    const spec = { ingress: [{ action: 'Deny' }, { action: 'Allow', protocol: 'TCP', http: { methods: ['GET'] } }] }
    const { inputs, verdicts } = filterOf()(stored('profiles', 'p', spec))
    assert.ok(inputs[0]?.value !== undefined)
    assert.deepEqual(verdicts[0]?.fault, {
      kind: 'inert-rules',
      reason: 'ingress[1] matches nothing: HTTP requests are not looked into',
    })
  })

  test('keys that are none of ours are passed over', () => {
    for (const other of [
      '/calico/ipam/v2/config',
      '/calico/resources/v3/projectcalico.org/stagedglobalnetworkpolicies/x',
      '/calico/resources/v3/projectcalico.org/bgpfilters/x',
      '/elsewhere',
    ]) {
      assert.deepEqual(filterOf()([other, '{']), { inputs: [], verdicts: [] })
    }
  })

  const endpoint = (more: object) => workload('a', { ips: ['10.0.0.1'], more: { ...more } })
  test('an endpoint that claims foreign sources counts as missing unless that is allowed', () => {
    const claimed = endpoint({ allowSpoofedSourcePrefixes: ['198.51.100.0/24'] })
    assert.equal(filterOf(false)(claimed).verdicts.length, 1)
    assert.deepEqual(filterOf(true)(claimed).verdicts, [])
  })

  const broken: [why: string, more: object][] = [
    ['an interface name that is a path', { interfaceName: '../../etc' }],
    ['an interface name with a blank', { interfaceName: 'cali a' }],
    ['no interface', { interfaceName: '' }],
    ['a network in place of an address', { ipNetworks: ['10.0.0.0/24'] }],
    ['an address with a leading zero', { ipNetworks: ['10.0.0.01/32'] }],
    ['a malformed MAC address', { mac: 'ee:ee' }],
  ]
  for (const [why, more] of broken) {
    test(`refuses an endpoint with ${why}`, () => {
      const { inputs, verdicts } = filterOf()(endpoint(more))
      assert.deepEqual([inputs[0]?.value, verdicts.length], [undefined, 1])
    })
  }

  test("labels of namespaces and service accounts are not an endpoint's to set", () => {
    const labels = { 'pcns.team': 'x', 'pcsa.team': 'x', team: 'y', 'projectcalico.org/serviceaccount': 'forged' }
    const [input] = filterOf()(
      workload('a', { ips: ['10.0.0.1'], labels, more: { serviceAccountName: 'real' } }),
    ).inputs
    assert.ok(input?.kind === 'endpoint')
    assert.deepEqual(Object.fromEntries(input.value?.labels ?? []), {
      'projectcalico.org/namespace': 'default',
      'projectcalico.org/orchestrator': 'lab',
      'projectcalico.org/serviceaccount': 'real',
      team: 'y',
    })
  })

  test('members are written as kernel sets hold them', () => {
    const nets = ['0.0.0.0/0', '::/0', '10.1.2.3', '10.1.2.3/8', '10.1.2.3/32', 'fd00::1/128', 'fd00::/64']
    const [input] = filterOf()(stored('globalnetworksets', 's', { nets })).inputs
    assert.ok(input?.kind === 'network-set')
    assert.deepEqual(input.value?.members, [
      '0.0.0.0/1',
      '128.0.0.0/1',
      '::/1',
      '8000::/1',
      '10.1.2.3',
      '10.0.0.0/8',
      '10.1.2.3',
      'fd00::1',
      'fd00::/64',
    ])
  })
})
