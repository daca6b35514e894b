import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import fc from 'fast-check'
import { parseBigJson } from '../json/big-json.ts'
import { resourceKey } from '../keys/resource-key.ts'
import { decodeResource, encodeResource } from './codec.ts'
import { makeResource, parseResource } from './parse.ts'

const key = resourceKey('IPPool', 'p')
const at = { key, modRevision: 12n }
const stored = (kind: string, spec: unknown, more: object = {}, metadata: object = {}): string =>
  JSON.stringify({ kind, apiVersion: 'projectcalico.org/v3', metadata: { name: 'p', ...metadata }, spec, ...more })

describe('decodeResource()', () => {
  test('fills the defaults that readers agree on', () => {
    const { spec } = decodeResource('IPPool', stored('IPPool', { cidr: 'fd00::/48' }), at)
    assert.deepEqual(spec, {
      cidr: 'fd00::/48',
      vxlanMode: 'Never',
      ipipMode: 'Never',
      blockSize: 122,
      nodeSelector: 'all()',
      allowedUses: ['Workload', 'Tunnel'],
      assignmentMode: 'Automatic',
    })
    const tier = decodeResource('Tier', stored('Tier', { order: null }), {
      key: resourceKey('Tier', 'p'),
      modRevision: 1,
    })
    assert.deepEqual(tier.spec, { order: 1_000_000, defaultAction: 'Deny' })
  })

  test('takes nulls and empty texts for absent', () => {
    const text = stored(
      'IPPool',
      { cidr: '10.0.0.0/16', ipipMode: '', vxlanMode: null, blockSize: 0, nodeSelector: '', allowedUses: null },
      { status: null },
      { creationTimestamp: null, labels: null },
    )
    const pool = decodeResource('IPPool', text, at)
    assert.deepEqual(
      [pool.spec.ipipMode, pool.spec.vxlanMode, pool.spec.blockSize, pool.spec.nodeSelector],
      ['Never', 'Never', 26, 'all()'],
    )
    assert.deepEqual(pool.metadata, { name: 'p', resourceVersion: '12' })
  })

  test('takes a block size of 0 for none given, as Go prints it', () => {
    assert.equal(
      decodeResource('IPPool', stored('IPPool', { cidr: '10.0.0.0/16', blockSize: 0 }), at).spec.blockSize,
      26,
    )
  })

  test('takes a value without a spec where nothing is required', () => {
    const text = JSON.stringify({ kind: 'Profile', metadata: { name: 'p' } })
    const profile = decodeResource('Profile', text, { key: resourceKey('Profile', 'p'), modRevision: 1n })
    assert.deepEqual(profile, {
      kind: 'Profile',
      apiVersion: 'projectcalico.org/v3',
      metadata: { name: 'p', resourceVersion: '1' },
      spec: {},
    })
  })

  test('gives canonical values: digits of ports and protocols are numbers, addresses have one spelling', () => {
    const spec = {
      ingress: [
        {
          action: 'Allow',
          protocol: '6',
          source: { nets: ['FD00::/8'] },
          destination: { ports: ['80', '90:90', '90:91'] },
        },
      ],
    }
    const {
      spec: { ingress },
    } = decodeResource('Profile', stored('Profile', spec), { key: resourceKey('Profile', 'p'), modRevision: 1n })
    assert.deepEqual(ingress?.[0], {
      action: 'Allow',
      protocol: 6,
      source: { nets: ['fd00::/8'] },
      destination: { ports: [80, 90, '90:91'] },
    })
  })

  test('takes any words in a FelixConfiguration: Felix judges them one by one', () => {
    const spec = {
      logSeverityScreen: 'Loud',
      vxlanPort: 0,
      reportingInterval: 'soon',
      failsafeInboundHostPorts: [],
      natPortRange: 'x',
    }
    const read = decodeResource('FelixConfiguration', stored('FelixConfiguration', spec), {
      key: resourceKey('FelixConfiguration', 'p'),
      modRevision: 1n,
    })
    assert.deepEqual(read.spec, spec)
    assert.throws(
      () =>
        decodeResource('FelixConfiguration', stored('FelixConfiguration', { vxlanPort: 'x' }), {
          key: '',
          modRevision: 1n,
        }),
      { code: 'INVALID' },
    )
  })

  const refused: [why: string, value: string, message: string | RegExp][] = [
    [
      'a bad value',
      stored('IPPool', { cidr: '10.0.0.0/16', blockSize: 40 }),
      `Cannot read IPPool at ${key}: spec.blockSize = 40: must be from 20 to 32 for an IPv4 pool`,
    ],
    [
      'several bad fields',
      stored('IPPool', { cidr: 'x', natOutgoing: 1 }),
      `Cannot read IPPool at ${key}: spec.cidr = "x": must be a network such as 10.0.0.0/8; spec.natOutgoing = 1: must be true or false`,
    ],
    ['a missing name', stored('IPPool', { cidr: '10.0.0.0/16' }, { metadata: {} }), /metadata\.name: is required/],
    [
      'a name other than the key says',
      stored('IPPool', { cidr: '10.0.0.0/16' }, {}, { name: 'q' }),
      `Cannot read IPPool at ${key}: metadata.name = "q": must be "p", as in the key`,
    ],
    ['no object', '[]', `Cannot read IPPool at ${key}: value = []: must be an object`],
    ['no JSON', '{"kind":', /^Cannot read IPPool at \S+: value = "\{\\"kind\\":": must be JSON: /],
    ['nothing', '', /: value = "": must be JSON: /],
  ]
  for (const [why, value, message] of refused) {
    test(`refuses ${why}, naming key, field, value and reason`, () => {
      assert.throws(() => decodeResource('IPPool', value, at), { code: 'INVALID', message })
    })
  }

  test('says where it was for programs, too', () => {
    assert.throws(
      () => decodeResource('IPPool', stored('IPPool', { cidr: 'x' }), at),
      (err: CalicoError) => {
        assert.deepEqual(err.context, {
          key,
          problems: [{ field: 'spec.cidr', value: 'x', reason: 'must be a network such as 10.0.0.0/8' }],
        })
        return true
      },
    )
  })
})

describe('unknown fields', () => {
  const text = JSON.stringify({
    kind: 'GlobalNetworkPolicy',
    apiVersion: 'projectcalico.org/v3',
    metadata: {
      name: 'default.p',
      uid: 'u',
      creationTimestamp: '2026-01-01T00:00:00Z',
      finalizers: ['x'],
      annotations: { 'projectcalico.org/metadata': '{"name":"p"}' },
    },
    spec: {
      tier: 'default',
      order: 0,
      novelty: { deep: [1, null, { a: '' }] },
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { novelNets: [] }, destination: {}, flavour: 'big' }],
    },
    status: { conditions: [] },
    extra: true,
  }).replace('"big"', '1714557600123456791')

  test('survive a read and a write at every depth, numbers with every digit', () => {
    const policy = decodeResource('GlobalNetworkPolicy', text, {
      key: resourceKey('GlobalNetworkPolicy', 'p'),
      modRevision: 3n,
    })
    const changed = { ...policy, spec: { ...policy.spec, order: 5 } }
    assert.deepEqual(parseBigJson(encodeResource(changed)), parseBigJson(text.replace('"order":0', '"order":5')))
  })

  test('are not visible to types, and a field named __proto__ is only data', () => {
    const odd = `{"metadata":{"name":"p"},"spec":{"cidr":"10.0.0.0/16","__proto__":{"disabled":true},"ipipMode":""}}`
    const pool = decodeResource('IPPool', odd, at)
    assert.equal(pool.spec.disabled, undefined)
  })
})

describe('encodeResource()', () => {
  test('omits what Go omits and prints what Go prints', () => {
    const cases: [resource: Parameters<typeof encodeResource>[0], spec: string][] = [
      [
        makeResource('IPPool', { name: 'p' }, { cidr: '10.0.0.0/16', natOutgoing: false, disabled: false }),
        '{"cidr":"10.0.0.0/16","vxlanMode":"Never","ipipMode":"Never","blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}',
      ],
      [
        makeResource(
          'BGPPeer',
          { name: 'p' },
          { peerIP: '10.0.0.1', asNumber: 0, keepOriginalNextHop: false, filters: [], numAllowedLocalASNumbers: 0 },
        ),
        '{"peerIP":"10.0.0.1","numAllowedLocalASNumbers":0}',
      ],
      [
        makeResource(
          'BGPConfiguration',
          { name: 'default' },
          { nodeToNodeMeshEnabled: false, asNumber: '1.10', nodeMeshMaxRestartTime: undefined },
        ),
        '{"nodeToNodeMeshEnabled":false,"asNumber":65546}',
      ],
      [
        makeResource(
          'FelixConfiguration',
          { name: 'node.a' },
          { failsafeInboundHostPorts: [], failsafeOutboundHostPorts: [{ port: 1 }], iptablesRefreshInterval: '60s' },
        ),
        '{"iptablesRefreshInterval":"1m0s","failsafeInboundHostPorts":[],"failsafeOutboundHostPorts":[{"port":1,"net":""}],"bpfLogLevel":"","bpfConnectTimeLoadBalancing":"TCP","bpfHostNetworkedNATWithoutCTLB":"Enabled","floatingIPs":"Disabled"}',
      ],
      [
        makeResource('Profile', { name: 'p' }, { egress: [{ action: 'Allow' }], ingress: [], labelsToApply: {} }),
        '{"egress":[{"action":"Allow","source":{},"destination":{}}]}',
      ],
      [makeResource('KubeControllersConfiguration', { name: 'default' }, {}), '{"controllers":{}}'],
      [
        makeResource('StagedKubernetesNetworkPolicy', { name: 'p', namespace: 'n' }, { podSelector: {} }),
        '{"stagedAction":"Set","podSelector":{}}',
      ],
    ]
    for (const [resource, spec] of cases) assert.equal(JSON.stringify(JSON.parse(encodeResource(resource)).spec), spec)
  })

  test('never stores the version; nodes always have a status', () => {
    const node = makeResource('Node', { name: 'a', resourceVersion: '5' }, {})
    assert.equal(
      encodeResource(node),
      '{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"a"},"spec":{},"status":{}}',
    )
    const withKey = { ...node, status: { wireguardPublicKey: 'k', wireguardPublicKeyV6: '' } }
    assert.deepEqual(JSON.parse(encodeResource(withKey)).status, { wireguardPublicKey: 'k' })
  })

  test('refuses what a program got wrong', () => {
    const pool = makeResource('IPPool', { name: 'p' }, { cidr: '10.0.0.0/16' })
    assert.throws(() => encodeResource({ ...pool, spec: { ...pool.spec, blockSize: 99 } }), {
      code: 'INVALID',
      message: 'Cannot accept IPPool "p": spec.blockSize = 99: must be from 20 to 32 for an IPv4 pool',
    })
    assert.throws(() => encodeResource({ ...pool, metadata: { name: 'a/b' } }), { code: 'INVALID' })
  })

  test('property: what is written is read back equal', () => {
    const octet = fc.nat(255)
    const rule = fc.record(
      {
        action: fc.constantFrom('Allow', 'Deny', 'Log', 'Pass'),
        protocol: fc.constantFrom('TCP', 'UDP', 17, 132),
        source: fc.record(
          {
            nets: fc.array(
              fc.tuple(octet, octet).map(([a, b]) => `${a}.${b}.0.0/16`),
              { maxLength: 3 },
            ),
            ports: fc.array(
              fc.oneof(
                fc.nat(65_535),
                fc.tuple(fc.nat(30_000), fc.nat(30_000)).map(([a, b]) => `${a}:${a + b}`),
              ),
              { maxLength: 3 },
            ),
            selector: fc.constantFrom('', "a == '<&>'", 'has(b) && !c in {"x"}'),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['action', 'protocol'] },
    )
    const spec = fc.record(
      {
        order: fc.double({ noNaN: true, noDefaultInfinity: true }).map((order) => order + 0),
        ingress: fc.array(rule, { maxLength: 3 }),
        egress: fc.array(rule, { maxLength: 3 }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(spec, (value) => {
        const policy = parseResource({
          apiVersion: 'projectcalico.org/v3',
          kind: 'GlobalNetworkPolicy',
          metadata: { name: 'p' },
          spec: value,
        })
        const read = decodeResource('GlobalNetworkPolicy', encodeResource(policy), {
          key: resourceKey('GlobalNetworkPolicy', 'p'),
          modRevision: 1n,
        })
        assert.deepEqual(JSON.parse(JSON.stringify(read.spec)), JSON.parse(JSON.stringify(policy.spec)))
        assert.equal(encodeResource(read), encodeResource(policy))
      }),
    )
  })
})

describe('status', () => {
  test('of a new document is checked, so that nobody stores what cannot be read', () => {
    const document = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'Node',
      metadata: { name: 'a' },
      spec: {},
      status: { wireguardPublicKey: 5 },
    }
    assert.throws(() => parseResource(document), {
      message: 'Cannot accept Node "a": status.wireguardPublicKey = 5: must be a string',
    })
    assert.throws(() => parseResource({ ...document, status: 'up' }), {
      message: 'Cannot accept Node "a": status = "up": must be an object',
    })
  })
  test('of a kind that has none for us is carried along', () => {
    const pool = parseResource({
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPPool',
      metadata: { name: 'p' },
      spec: { cidr: '10.0.0.0/16' },
      status: { conditions: [] },
    })
    assert.deepEqual(JSON.parse(encodeResource(pool)).status, { conditions: [] })
  })
})
