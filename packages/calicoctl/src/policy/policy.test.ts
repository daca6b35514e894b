/** trace and preview as pure functions over resources. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  API_VERSION,
  makeResource,
  parseIp,
  parseResource,
  type AnyResource,
  type Kind,
  type SpecInput,
} from '@calico-node/model'
import { World } from '@calico-node/policy'
import { judge, type Flow } from './connection.ts'
import { verdictLines } from './describe.ts'
import { findEnds, type Live, pairUp, parseProtocolNumber, surroundingsOf } from './live.ts'
import { previewChanges, probesOf } from './preview.ts'

const resource = <K extends Kind>(kind: K, name: string, spec: SpecInput<K>): AnyResource =>
  parseResource({ apiVersion: API_VERSION, kind, metadata: { name }, spec })
const endpoint = (workload: string, node: string, ip: string, profiles: string[] = []): AnyResource =>
  makeResource(
    'WorkloadEndpoint',
    { namespace: 'default', labels: { role: workload } },
    {
      node,
      orchestrator: 'docker',
      workload,
      endpoint: `${workload}0`,
      ipNetworks: [`${ip}/32`],
      interfaceName: `cali${workload}`,
      profiles,
    },
  )
const node = (name: string, ip: string) => makeResource('Node', { name }, { bgp: { ipv4Address: `${ip}/24` } })
const profile = resource('Profile', 'p', {
  labelsToApply: { P: '' },
  ingress: [{ action: 'Allow', source: { selector: 'has(P)' } }],
  egress: [{ action: 'Allow' }],
})
const live = (...resources: AnyResource[]): Live => ({
  nodes: [node('host-a', '10.20.0.1'), node('host-b', '10.20.0.2')],
  felix: [],
  resources: [
    profile,
    endpoint('web', 'host-a', '192.168.0.1', ['p']),
    endpoint('db', 'host-b', '192.168.0.2', ['p']),
    endpoint('odd', 'host-b', '192.168.0.3'),
    ...resources,
  ],
})
const denyDb = resource('GlobalNetworkPolicy', 'deny-db', {
  selector: "role == 'db'",
  ingress: [{ action: 'Deny', protocol: 'TCP', destination: { ports: [5432] } }, { action: 'Allow' }],
})

const tcp = (state: Live, from: string, to: string, port = 80): Flow => ({
  ...pairUp(findEnds(state, from), findEnds(state, to)),
  protocol: 6,
  destinationPort: port,
  sourcePort: 40000,
})
const trace = (state: Live, flow: Flow, steps = false): string =>
  verdictLines(judge(new World(state.resources), flow, surroundingsOf(state, undefined)), {
    shown: (name) => name.toUpperCase(),
    steps,
  }).join('\n')

describe('judge() in words', () => {
  const cases: [why: string, state: Live, from: string, to: string, port: number, expected: RegExp[]][] = [
    [
      'a profile allows on both hosts',
      live(),
      'web',
      'db',
      80,
      [
        /^On host-a:\n {2}out of workload default\/host--a-docker-web-web0: allowed by profile "P", rule 1$/m,
        /^On host-b:\n {2}into workload .*db0: allowed by profile "P", rule 1$/m,
        /Verdict: ALLOW$/,
      ],
    ],
    [
      'a policy denies one port',
      live(denyDb),
      'web',
      'db',
      5432,
      [/denied by GlobalNetworkPolicy "deny-db" of tier "default", rule 1/, /Verdict: DENY$/],
    ],
    [
      'and allows another',
      live(denyDb),
      'web',
      'db',
      80,
      [/allowed by GlobalNetworkPolicy "deny-db" of tier "default", rule 2/, /Verdict: ALLOW$/],
    ],
    [
      'an endpoint without profile may send nothing',
      live(),
      'odd',
      'db',
      80,
      [/denied by default: no policy decided/, /Verdict: DENY$/],
    ],
    ['from outside only the destination counts', live(), '203.0.113.1', 'db', 80, [/^On host-b:$/m, /Verdict: DENY$/]],
    [
      'a host reaches its own workloads',
      live(),
      'host-b',
      'odd',
      80,
      [/a host may always reach its own workloads/, /Verdict: ALLOW$/],
    ],
    ['two ends outside meet no policy', live(), '203.0.113.1', '203.0.113.2', 80, [/No node of Calico is on this way/]],
  ]
  for (const [why, state, from, to, port, expected] of cases) {
    test(why, () => {
      const text = trace(state, tcp(state, from, to, port))
      for (const pattern of expected) assert.match(text, pattern)
    })
  }
  test('shows what was looked at on the way', () => {
    const state = live(denyDb)
    assert.match(trace(state, tcp(state, 'web', 'db'), true), /^ {4}.*deny-db.* rule 1: no-match/m)
  })
  test('stops at the first host that denies', () => {
    const state = live()
    assert.doesNotMatch(trace(state, tcp(state, 'odd', 'web')), /On host-a/)
  })
})

describe('findEnds()', () => {
  const state = live()
  const cases: [typed: string, kind: string, ip: string][] = [
    ['192.168.0.1', 'workload', '192.168.0.1'],
    ['web', 'workload', '192.168.0.1'],
    ['web0', 'workload', '192.168.0.1'],
    ['default/host--a-docker-web-web0', 'workload', '192.168.0.1'],
    ['host-a', 'host', '10.20.0.1'],
    ['10.20.0.2', 'host', '10.20.0.2'],
    ['8.8.8.8', 'outside', '8.8.8.8'],
  ]
  for (const [typed, kind, ip] of cases) {
    test(typed, () =>
      assert.deepEqual(
        findEnds(state, typed).map((end) => [end.kind, end.ip]),
        [[kind, parseIp(ip)]],
      ),
    )
  }
  test('names the nearest', () =>
    assert.throws(() => findEnds(state, 'wbe'), { code: 'NOT_FOUND', message: /did you mean "web"\?/ }))
  test('pairs of different families are refused', () =>
    assert.throws(() => pairUp(findEnds(state, 'web'), findEnds(state, 'fd00::1')), { code: 'INVALID' }))
  test('protocols', () => {
    assert.deepEqual(['TCP', 'icmp', '41'].map(parseProtocolNumber), [6, 1, 41])
    assert.throws(() => parseProtocolNumber('tpc'), { code: 'INVALID' })
  })
})

describe('previewChanges()', () => {
  const changesOf = (changed: AnyResource[]): string[] => {
    const state = live()
    return previewChanges(state, changed, surroundingsOf(state, undefined)).changes.map(
      ({ flow: { from, to, protocol, destinationPort }, before, after }) =>
        `${before}>${after} ${from.ip} ${to.ip} ${protocol} ${destinationPort ?? ''}`.trim(),
    )
  }
  test('finds exactly the connections that a policy cuts, and those that it opens to the outside', () => {
    assert.deepEqual(changesOf([denyDb]), [
      'allow>deny 192.168.0.1 192.168.0.2 6 5432',
      ...['1', '6 40000', '17 40000'].map((traffic) => `deny>allow 192.0.2.1 192.168.0.2 ${traffic}`),
    ])
  })
  test('finds what a changed profile opens', () => {
    const open = resource('Profile', 'p', {
      labelsToApply: { P: '' },
      ingress: [{ action: 'Allow' }],
      egress: [{ action: 'Allow' }],
    })
    assert.deepEqual(
      changesOf([open]),
      ['192.168.0.1', '192.168.0.2'].flatMap((to) =>
        ['1', '6 40000', '17 40000'].map((traffic) => `deny>allow 192.0.2.1 ${to} ${traffic}`),
      ),
    )
    const closed = resource('Profile', 'p', {
      labelsToApply: { P: '' },
      ingress: [{ action: 'Allow', protocol: 'TCP', source: { selector: 'has(P)' } }],
      egress: [{ action: 'Allow' }],
    })
    assert.deepEqual(
      changesOf([closed]).map((change) => change.split(' ').slice(0, 4).join(' ')),
      [
        'allow>deny 192.168.0.1 192.168.0.2 1',
        'allow>deny 192.168.0.1 192.168.0.2 17',
        'allow>deny 192.168.0.2 192.168.0.1 1',
        'allow>deny 192.168.0.2 192.168.0.1 17',
      ],
    )
  })
  test('finds nothing for what changes nothing', () => assert.deepEqual(changesOf([profile]), []))
  test('probes the ports that rules name, and one that none names', () => {
    assert.deepEqual(probesOf([denyDb]), [
      { protocol: 1 },
      { protocol: 6, port: 40000 },
      { protocol: 17, port: 40000 },
      { protocol: 6, port: 5432 },
    ])
  })
})
