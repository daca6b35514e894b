import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeResource, parseIp, type Resource, type SpecInput } from '@calico-node/model'
import { evaluate, type HostFacts } from './evaluate.ts'
import type { Packet, Place } from './packet.ts'
import type { Decision } from './verdict.ts'
import { World } from './world.ts'

const HOST_IP = parseIp('172.16.0.1')
const OUTSIDE_IP = parseIp('172.16.0.9')
const IPS = { a: parseIp('10.0.0.1'), b: parseIp('10.0.0.2') }

const host: HostFacts = {
  node: 'n1',
  interfaces: new Map([['eth0', [HOST_IP]]]),
  endpointToHostAction: 'Drop',
  vxlanPort: 4789,
  failsafeInbound: [{ protocol: 'tcp', port: 22 }],
  failsafeOutbound: [{ protocol: 'udp', port: 53 }],
}
const wep = (name: 'a' | 'b', profiles: string[] = []): Resource =>
  makeResource(
    'WorkloadEndpoint',
    { namespace: 'ns', labels: { name, 'projectcalico.org/namespace': 'ns' } },
    {
      orchestrator: 't',
      workload: name,
      node: 'n1',
      endpoint: 'e',
      interfaceName: `cali${name}`,
      ipNetworks: [`${IPS[name]}/32`],
      profiles,
    },
  )
const open = makeResource(
  'Profile',
  { name: 'open' },
  { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] },
)
const tier = (name: string, order: number, defaultAction: 'Deny' | 'Pass' = 'Deny'): Resource =>
  makeResource('Tier', { name }, { order, defaultAction })
const gnp = (name: string, spec: SpecInput<'GlobalNetworkPolicy'>): Resource =>
  makeResource('GlobalNetworkPolicy', { name }, spec)
const hep = (interfaceName: string, profiles: string[] = []): Resource =>
  makeResource(
    'HostEndpoint',
    { name: `hep-${interfaceName === '*' ? 'all' : interfaceName}`, labels: { host: 'n1' } },
    { node: 'n1', interfaceName, profiles },
  )

type Spot = 'a' | 'b' | 'host' | 'outside'
const place = (spot: Spot): Place =>
  spot === 'host'
    ? { kind: 'host' }
    : spot === 'outside'
      ? { kind: 'outside', interfaceName: 'eth0' }
      : { kind: 'workload', endpoint: `ns/n1-t-${spot}-e` }
const ip = (spot: Spot) => (spot === 'host' ? HOST_IP : spot === 'outside' ? OUTSIDE_IP : IPS[spot])

function ask(
  resources: readonly Resource[],
  from: Spot,
  to: Spot,
  rest: Partial<Packet> = {},
  facts: Partial<HostFacts> = {},
) {
  const packet: Packet = {
    source: ip(from),
    destination: ip(to),
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 80,
    ...rest,
  }
  return evaluate({
    world: new World(resources),
    host: { ...host, ...facts },
    packet,
    from: place(from),
    to: place(to),
  })
}
const both = [open, wep('a', ['open']), wep('b', ['open'])]
const toB = { selector: "name == 'b'", types: ['Ingress' as const] }

const verdicts: [
  why: string,
  resources: Resource[],
  from: Spot,
  to: Spot,
  action: 'allow' | 'deny',
  decision: Partial<Decision>,
][] = [
  ['no profile and no policy: denied', [wep('a', []), wep('b', [])], 'a', 'b', 'deny', { kind: 'no-profile-matched' }],
  ['profiles of both sides allow', both, 'a', 'b', 'allow', { kind: 'profile', profile: 'open', rule: 0 }],
  [
    'a missing profile denies',
    [open, wep('a', ['open']), wep('b', ['gone'])],
    'a',
    'b',
    'deny',
    { kind: 'missing-profile', profile: 'gone' },
  ],
  [
    'a policy that selects hides the profile',
    [...both, gnp('p', toB)],
    'a',
    'b',
    'deny',
    { kind: 'end-of-tier', tier: 'default' },
  ],
  ['the other direction keeps its profile', [...both, gnp('p', toB)], 'b', 'a', 'allow', { kind: 'profile' }],
  [
    'lower order first',
    [
      ...both,
      gnp('p', { ...toB, order: 2, ingress: [{ action: 'Deny' }] }),
      gnp('q', { ...toB, order: 1, ingress: [{ action: 'Allow' }] }),
    ],
    'a',
    'b',
    'allow',
    { kind: 'policy', policy: 'q' },
  ],
  [
    'no order is last',
    [
      ...both,
      gnp('p', { ...toB, ingress: [{ action: 'Deny' }] }),
      gnp('q', { ...toB, order: 9, ingress: [{ action: 'Allow' }] }),
    ],
    'a',
    'b',
    'allow',
    { kind: 'policy', policy: 'q' },
  ],
  [
    'equal order: by name',
    [
      ...both,
      gnp('q', { ...toB, ingress: [{ action: 'Deny' }] }),
      gnp('p', { ...toB, ingress: [{ action: 'Allow' }] }),
    ],
    'a',
    'b',
    'allow',
    { kind: 'policy', policy: 'p' },
  ],
  [
    'Log goes on',
    [...both, gnp('p', { ...toB, ingress: [{ action: 'Log' }, { action: 'Allow' }] })],
    'a',
    'b',
    'allow',
    { kind: 'policy', rule: 1 },
  ],
  [
    'Pass in the last tier goes to the profiles',
    [...both, gnp('p', { ...toB, ingress: [{ action: 'Pass' }] })],
    'a',
    'b',
    'allow',
    { kind: 'profile' },
  ],
  [
    'Pass skips the rest of its tier',
    [
      ...both,
      tier('sec', 1),
      gnp('sec.p', { ...toB, tier: 'sec', order: 1, ingress: [{ action: 'Pass' }] }),
      gnp('sec.q', { ...toB, tier: 'sec', order: 2, ingress: [{ action: 'Deny' }] }),
    ],
    'a',
    'b',
    'allow',
    { kind: 'profile' },
  ],
  [
    'a tier that selects and decides nothing denies',
    [...both, tier('sec', 1), gnp('sec.p', { ...toB, tier: 'sec' })],
    'a',
    'b',
    'deny',
    { kind: 'end-of-tier', tier: 'sec' },
  ],
  [
    'unless its default is Pass',
    [...both, tier('sec', 1, 'Pass'), gnp('sec.p', { ...toB, tier: 'sec' })],
    'a',
    'b',
    'allow',
    { kind: 'profile' },
  ],
  [
    'a tier without its object comes last and denies',
    [
      ...both,
      tier('default', 1_000_000),
      gnp('p', { ...toB, ingress: [{ action: 'Allow' }] }),
      gnp('lost.p', { ...toB, tier: 'lost', ingress: [{ action: 'Deny' }] }),
    ],
    'a',
    'b',
    'allow',
    { kind: 'policy', tier: 'default' },
  ],
  [
    'egress of the sender counts first',
    [...both, gnp('p', { selector: "name == 'a'", types: ['Egress'] })],
    'a',
    'b',
    'deny',
    { kind: 'end-of-tier' },
  ],
  ['the host reaches its workloads', [wep('b', [])], 'host', 'b', 'allow', { kind: 'unrestricted' }],
  ['outside needs the ingress policy', [wep('b', [])], 'outside', 'b', 'deny', { kind: 'no-profile-matched' }],
  ['a bare host is open', [], 'outside', 'host', 'allow', {}],
  ['a host endpoint closes the host', [hep('eth0')], 'outside', 'host', 'deny', { kind: 'no-profile-matched' }],
  ['and its own traffic', [hep('eth0')], 'host', 'outside', 'deny', { kind: 'no-profile-matched' }],
  ['but not what it forwards', [...both, hep('eth0')], 'outside', 'b', 'allow', { kind: 'profile' }],
  [
    'forward policy governs what it forwards',
    [...both, hep('eth0'), gnp('f', { selector: "host == 'n1'", applyOnForward: true, types: ['Ingress'] })],
    'outside',
    'b',
    'deny',
    { kind: 'end-of-tier' },
  ],
  [
    'forward policy of the other direction does not',
    [...both, hep('eth0'), gnp('f', { selector: "host == 'n1'", applyOnForward: true, types: ['Egress'] })],
    'outside',
    'b',
    'allow',
    { kind: 'profile' },
  ],
  ['an all-interfaces endpoint governs', [hep('*')], 'outside', 'host', 'deny', { kind: 'no-profile-matched' }],
  [
    'a named endpoint goes before it',
    [open, hep('*'), hep('eth0', ['open'])],
    'outside',
    'host',
    'allow',
    { kind: 'profile' },
  ],
  [
    'untracked allow skips the rest',
    [
      hep('eth0'),
      gnp('u', { selector: "host == 'n1'", doNotTrack: true, applyOnForward: true, ingress: [{ action: 'Allow' }] }),
    ],
    'outside',
    'host',
    'allow',
    { kind: 'policy', policy: 'u' },
  ],
  [
    'pre-DNAT deny catches before forwarding',
    [
      ...both,
      hep('eth0'),
      gnp('d', { selector: "host == 'n1'", preDNAT: true, applyOnForward: true, ingress: [{ action: 'Deny' }] }),
    ],
    'outside',
    'b',
    'deny',
    { kind: 'policy', policy: 'd' },
  ],
  [
    'pre-DNAT without a match goes on',
    [
      hep('eth0'),
      gnp('d', {
        selector: "host == 'n1'",
        preDNAT: true,
        applyOnForward: true,
        ingress: [{ action: 'Deny', protocol: 'UDP' }],
      }),
    ],
    'outside',
    'host',
    'deny',
    { kind: 'no-profile-matched' },
  ],
]
for (const [why, resources, from, to, action, decision] of verdicts) {
  test(`${why}: ${from} -> ${to}`, () => {
    const verdict = ask(resources, from, to)
    assert.equal(verdict.action, action, JSON.stringify(verdict))
    if (verdict.stages.length > 0)
      assert.deepEqual({ ...verdict.stages.at(-1)?.decision, ...decision }, verdict.stages.at(-1)?.decision)
  })
}

test('workload to its own host: egress policy, then the configured action (the table of the specification)', () => {
  const denied = [wep('a', [])]
  const allowed = [open, wep('a', ['open']), hep('*')]
  for (const [endpointToHostAction, expected] of [
    ['Drop', 'deny'],
    ['Return', 'allow'],
    ['Accept', 'allow'],
  ] as const) {
    assert.equal(ask(allowed, 'a', 'host', {}, { endpointToHostAction }).action, expected, endpointToHostAction)
    assert.equal(ask(denied, 'a', 'host', {}, { endpointToHostAction }).action, 'deny', endpointToHostAction)
  }
})

test('failsafe ports stay open, in their own direction', () => {
  const closed = [hep('eth0')]
  assert.equal(ask(closed, 'outside', 'host', { destinationPort: 22 }).action, 'allow')
  assert.equal(ask(closed, 'host', 'outside', { destinationPort: 22 }).action, 'deny')
  assert.equal(ask(closed, 'host', 'outside', { protocol: 17, destinationPort: 53 }).action, 'allow')
})

test('a failsafe port passes the policy of the host at each stage, and no forward policy', () => {
  const special = { selector: "host == 'n1'", applyOnForward: true }
  const closed = [
    ...both,
    hep('eth0'),
    gnp('u', {
      ...special,
      doNotTrack: true,
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Deny' }],
      egress: [{ action: 'Deny' }],
    }),
    gnp('d', { ...special, preDNAT: true, types: ['Ingress'], ingress: [{ action: 'Deny' }] }),
    gnp('f', { ...special, types: ['Ingress'], ingress: [{ action: 'Deny' }] }),
  ]
  assert.equal(ask(closed, 'outside', 'host', { destinationPort: 22 }).action, 'allow')
  assert.equal(ask(closed, 'outside', 'b', { destinationPort: 22 }).action, 'deny')
})

test('who sends from a failsafe port is not taken for a reply', () => {
  const untracked = gnp('u', {
    selector: "host == 'n1'",
    doNotTrack: true,
    applyOnForward: true,
    ingress: [{ action: 'Deny' }],
  })
  const question = { protocol: 17, sourcePort: 53 }
  assert.equal(ask([hep('eth0'), untracked], 'outside', 'host', question).action, 'deny')
  assert.equal(ask([open, hep('eth0', ['open']), untracked], 'outside', 'host', question).action, 'allow')
})

test('a host endpoint does not keep IPv6 from finding its neighbours', () => {
  for (const type of [134, 135, 136]) {
    assert.equal(ask([hep('eth0')], 'outside', 'host', { protocol: 58, icmp: { type, code: 0 } }).action, 'allow')
  }
  assert.equal(ask([hep('eth0')], 'outside', 'host', { protocol: 58, icmp: { type: 128, code: 0 } }).action, 'deny')
})

test('a workload cannot send a foreign source, VXLAN or IPIP', () => {
  for (const rest of [{ source: parseIp('10.0.0.77') }, { protocol: 17, destinationPort: 4789 }, { protocol: 4 }]) {
    assert.equal(ask(both, 'a', 'outside', rest).action, 'deny', JSON.stringify(rest))
  }
})

test('the path names every rule that was looked at, and why it did not match', () => {
  const { stages } = ask(
    [
      ...both,
      gnp('p', {
        ...toB,
        ingress: [
          { action: 'Deny', protocol: 'UDP' },
          { action: 'Allow', destination: { ports: [80] }, protocol: 'TCP' },
        ],
      }),
    ],
    'a',
    'b',
  )
  assert.deepEqual(stages.at(-1)?.steps, [
    { where: 'policy p in tier default', rule: 0, outcome: 'no-match', note: 'protocol is not UDP' },
    { where: 'policy p in tier default', rule: 1, outcome: 'allow' },
  ])
})
