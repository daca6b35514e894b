import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { API_VERSION, parseResource } from '@calico-node/model'
import { cli } from '../harness.test.ts'
import { convertDocument } from './document.ts'

const v1 = (kind: string, metadata: object, spec: object = {}): object => ({ apiVersion: 'v1', kind, metadata, spec })

/** Metadata and spec as v3 stores them. */
function v3(document: object): { kind: string; metadata: Record<string, unknown>; spec: Record<string, unknown> } {
  const { apiVersion, kind, metadata, spec } = parseResource(convertDocument(document))
  assert.equal(apiVersion, API_VERSION)
  return { kind, metadata: { ...metadata }, spec: { ...spec } }
}

const rule = (fields: object): Record<string, unknown> | undefined => {
  const { spec } = v3(v1('policy', { name: 'p' }, { ingress: [fields] }))
  return Array.isArray(spec['ingress']) ? spec['ingress'][0] : undefined
}

describe('names', () => {
  const rows: [kind: string, metadata: object, spec: object, v3Kind: string, name: string][] = [
    ['node', { name: 'Host_A' }, {}, 'Node', 'host-a'],
    ['profile', { name: 'PROF_A_B' }, {}, 'Profile', 'prof-a-b-2d6a3311'],
    ['profile', { name: 'k8s_ns.kube-system' }, {}, 'Profile', 'kns.kube-system'],
    ['policy', { name: 'web' }, {}, 'GlobalNetworkPolicy', 'web'],
    ['policy', { name: 'web.front' }, {}, 'GlobalNetworkPolicy', 'web-front-5f25ffdb'],
    ['ipPool', { cidr: '10.1.0.7/16' }, {}, 'IPPool', '10-1-0-0-16'],
    ['ipPool', { cidr: 'fd80:24e2::/64' }, {}, 'IPPool', 'fd80-24e2---64'],
    ['bgpPeer', { scope: 'global', peerIP: '10.0.0.9' }, { asNumber: 65001 }, 'BGPPeer', '10-0-0-9'],
    [
      'bgpPeer',
      { scope: 'node', node: 'h1', peerIP: 'fd00::9' },
      { asNumber: 65001 },
      'BGPPeer',
      'h1.fd00-0000-0000-0000-0000-0000-0000-0009',
    ],
    ['hostEndpoint', { name: 'eth0', node: 'h1' }, { interfaceName: 'eth0' }, 'HostEndpoint', 'h1.eth0'],
  ]
  for (const [kind, metadata, spec, v3Kind, name] of rows) {
    test(`${kind} ${JSON.stringify(metadata)} becomes ${v3Kind} ${name}`, () => {
      const converted = v3(v1(kind, metadata, spec))
      assert.deepEqual([converted.kind, converted.metadata['name']], [v3Kind, name])
    })
  }
  test('two policies that differ by a dot stay two', () => {
    assert.notEqual(
      v3(v1('policy', { name: 'a.b' })).metadata['name'],
      v3(v1('policy', { name: 'a-b' })).metadata['name'],
    )
  })
})

describe('rules', () => {
  const source = (fields: object): unknown => rule({ protocol: 'tcp', source: fields })?.['source']
  const rows: [why: string, got: () => unknown, want: unknown][] = [
    ['a rule allows unless it says otherwise', () => rule({})?.['action'], 'Allow'],
    ['next-tier is called Pass', () => rule({ action: 'next-tier' })?.['action'], 'Pass'],
    ['protocols have other spellings', () => rule({ protocol: 'icmpv6' })?.['protocol'], 'ICMPv6'],
    ['protocol numbers stay', () => rule({ protocol: 132 })?.['protocol'], 132],
    ['a tag selects a label', () => source({ tag: 'web' }), { selector: 'has(web)' }],
    [
      'a tag narrows a selector',
      () => source({ tag: 't', selector: "a == 'b' || c == 'd'" }),
      {
        selector: "(a == 'b' || c == 'd') && has(t)",
      },
    ],
    [
      'an excluded tag excludes besides a selector',
      () => source({ notTag: 't', notSelector: "a == 'b'" }),
      {
        notSelector: "(a == 'b') || has(t)",
      },
    ],
    [
      'net and nets are one list',
      () => source({ net: '10.0.0.0/8', nets: ['192.168.0.0/16'] }),
      {
        nets: ['10.0.0.0/8', '192.168.0.0/16'],
      },
    ],
    ['ports stay', () => source({ ports: [80, '8000:8080'] }), { ports: [80, '8000:8080'] }],
    [
      'the label of the namespace has another name',
      () => source({ selector: "calico/k8s_ns in {'b', 'a'}" }),
      {
        selector: 'projectcalico.org/namespace in {"a", "b"}',
      },
    ],
  ]
  for (const [why, got, want] of rows) test(why, () => assert.deepEqual(got(), want))
})

describe('fields', () => {
  const rows: [why: string, document: object, want: Record<string, unknown>][] = [
    [
      'tags become labels without a value',
      v1('profile', { name: 'p', tags: ['PROF_A_B'], labels: { a: 'b' } }),
      { labelsToApply: { a: 'b', PROF_A_B: '' } },
    ],
    ['a policy holds in both directions', v1('policy', { name: 'p' }), { types: ['Ingress', 'Egress'] }],
    [
      'before DNAT only inwards',
      v1('policy', { name: 'p' }, { preDNAT: true }),
      {
        types: ['Ingress'],
        preDNAT: true,
        applyOnForward: true,
      },
    ],
    ['a policy without selector is for all', v1('policy', { name: 'p' }), { selector: 'all()' }],
    [
      'IP-in-IP that is off',
      v1('ipPool', { cidr: '10.0.0.0/8' }, { ipip: { enabled: false, mode: 'always' } }),
      {
        ipipMode: 'Never',
      },
    ],
    [
      'IP-in-IP without a mode',
      v1('ipPool', { cidr: '10.0.0.0/8' }, { ipip: { enabled: true } }),
      {
        ipipMode: 'Always',
      },
    ],
    [
      'IP-in-IP between networks',
      v1('ipPool', { cidr: '10.0.0.0/8' }, { ipip: { enabled: true, mode: 'cross-subnet' }, 'nat-outgoing': true }),
      { ipipMode: 'CrossSubnet', natOutgoing: true },
    ],
    [
      'profiles of an endpoint are renamed with the profiles',
      v1('hostEndpoint', { name: 'e', node: 'n' }, { interfaceName: 'eth0', profiles: ['PROF_A_B', 'k8s_ns.x'] }),
      { node: 'n', profiles: ['prof-a-b-2d6a3311', 'kns.x'] },
    ],
  ]
  for (const [why, document, want] of rows)
    test(why, () => {
      const { spec } = v3(document)
      assert.deepEqual(Object.fromEntries(Object.keys(want).map((key) => [key, spec[key]])), want)
    })

  const workload = (orchestrator: string, name: string): Record<string, unknown>[] => {
    const { metadata, spec } = v3(
      v1(
        'workloadEndpoint',
        {
          name: 'eth0',
          node: 'n1',
          orchestrator,
          workload: name,
          activeInstanceID: 'c1',
          labels: { 'calico/k8s_ns': 'x' },
        },
        { interfaceName: 'cali1', ipNetworks: ['10.65.0.2/32'], mac: 'ee:ee:ee:ee:ee:ee', profiles: ['p'] },
      ),
    )
    return [metadata, spec]
  }
  const workloads: [orchestrator: string, workload: string, namespace: string, name: string, fields: object][] = [
    ['k8s', 'shop.web-1', 'shop', 'n1-k8s-web--1-eth0', { pod: 'web-1', containerID: 'c1' }],
    ['cni', 'abc123', 'default', 'n1-cni-abc123-eth0', { containerID: 'abc123' }],
    ['libnetwork', 'anything', 'default', 'n1-libnetwork-libnetwork-eth0', { workload: 'libnetwork' }],
    ['docker', 'abc', 'default', 'n1-docker-abc-eth0', { workload: 'abc' }],
  ]
  for (const [orchestrator, name, namespace, v3Name, fields] of workloads)
    test(`an endpoint of ${orchestrator}`, () => {
      const [metadata = {}, spec = {}] = workload(orchestrator, name)
      assert.deepEqual([metadata['namespace'], metadata['name']], [namespace, v3Name])
      assert.deepEqual(metadata['labels'], { 'projectcalico.org/namespace': 'x' })
      assert.deepEqual(Object.fromEntries(Object.keys(fields).map((key) => [key, spec[key]])), fields)
    })
})

describe('what cannot be converted', () => {
  const rows: [why: string, document: object, message: RegExp][] = [
    [
      'a lost field',
      v1('policy', { name: 'p' }, { ingress: [{ source: { notTags: ['x'] } }] }),
      /notTags is not known in v1: did you mean notTag\?/,
    ],
    [
      'a tag that is a label too',
      v1('profile', { name: 'p', tags: ['a'], labels: { a: 'b' } }),
      /metadata\.tags\[0\] is a label/,
    ],
    ['another kind', v1('tier', { name: 't' }), /conversion for the resource type 'tier' is not supported: want node,/],
    ['v3', { apiVersion: API_VERSION, kind: 'Node', metadata: { name: 'n' } }, /is v3 already/],
    [
      'an unknown action',
      v1('policy', { name: 'p' }, { egress: [{ action: 'reject' }] }),
      /spec\.egress\[0\]\.action must be one of/,
    ],
    [
      'a pod without a namespace',
      v1('workloadEndpoint', { name: 'e', node: 'n', orchestrator: 'k8s', workload: 'web' }),
      /must be NAMESPACE\.POD/,
    ],
    [
      'a scope that contradicts',
      v1('bgpPeer', { scope: 'global', node: 'n', peerIP: '10.0.0.1' }),
      /contradicts scope global/,
    ],
  ]
  for (const [why, document, message] of rows) test(why, () => assert.throws(() => convertDocument(document), message))
})

describe('calicoctl convert', () => {
  const OLD = `
apiVersion: v1
kind: profile
metadata:
  name: PROF_A_B
  tags: [PROF_A_B]
spec:
  ingress:
  - source: {tag: PROF_A_B}
  egress:
  - action: allow
---
- apiVersion: v1
  kind: ipPool
  metadata: {cidr: 192.168.0.0/16}
`
  test('prints what validate accepts', async () => {
    for (const output of ['yaml', 'json']) {
      const { exit, stdout, stderr } = await cli(`convert -f - -o ${output}`, { stdin: OLD })
      assert.deepEqual([exit, stderr], [0, ''])
      assert.match(stdout, /has\(PROF_A_B\)/)
      assert.equal((await cli('validate -f -', { stdin: stdout })).stdout, 'Successfully validated 2 resource(s)\n')
    }
  })
  test('prints nothing when a document is faulty, and says where', async () => {
    const stdin = OLD.replace('action: allow', 'acton: allow')
    const { exit, stdout, stderr } = await cli('convert -f -', { stdin })
    assert.deepEqual([exit, stdout], [1, ''])
    assert.match(
      stderr,
      /^-, document 1, line 11: spec\.egress\[0\]\.acton "allow" is not known in v1: did you mean action\?\n$/,
    )
  })
  test('with --ignore-validation prints also what v3 refuses', async () => {
    const stdin = OLD + '  spec: {disabled: 7}\n'
    assert.equal((await cli('convert -f -', { stdin })).exit, 1)
    const { exit, stdout } = await cli('convert -f - --ignore-validation', { stdin })
    assert.equal(exit, 0)
    assert.match(stdout, /disabled: 7/)
  })
})
