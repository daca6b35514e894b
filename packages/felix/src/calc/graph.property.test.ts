import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { evaluate } from './graph-oracle.ts'
import { type DataState, FLUSHINGS, node, stored, walk, workload } from './graph-testing.ts'

const NAMES = ['a', 'b', 'c', 'd'] as const
const LABELS = fc.dictionary(fc.constantFrom('role', 'zone', 'pcns.team'), fc.constantFrom('x', 'y'), { maxKeys: 2 })
const SELECTOR = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.constantFrom(
      'all()',
      "role == 'x'",
      "role != 'x'",
      "zone in {'x', 'y'}",
      '!has(zone)',
      "role == 'x' || zone == 'y'",
    ),
  },
  { weight: 1, arbitrary: fc.constant('role ==') },
)
const PROFILES = fc.subarray(['p', 'q', 'projectcalico-default-allow'])
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const NAMESPACE = fc.constantFrom('default', 'other')
const PORTS = fc.subarray([
  { name: 'http', protocol: 'TCP', port: 80 },
  { name: 'http', protocol: 'TCP', port: 8080 },
  { name: 'dns', protocol: 'UDP', port: 53 },
])
const NODE = fc.constantFrom('here', 'here', 'there')

const side = fc.record(
  {
    selector: SELECTOR,
    notSelector: SELECTOR,
    namespaceSelector: fc.constantFrom('all()', 'global()', "team == 'x'"),
    ports: fc.subarray([80, '1000:2000', 'http', 'dns']),
    notPorts: fc.subarray([22, 'http']),
    nets: fc.subarray(['10.0.0.0/8', '192.0.2.0/24']),
  },
  { requiredKeys: [] },
)
const rule = fc.record({
  action: fc.constantFrom('Allow', 'Deny', 'Pass', 'Log'),
  protocol: fc.constantFrom('TCP', 'UDP'),
  source: side,
  destination: side,
})
const rules = fc.array(rule, { maxLength: 2 })
const policySpec = fc.record(
  {
    order: fc.constantFrom(1, 2, 2.5),
    selector: SELECTOR,
    types: fc.subarray(['Ingress', 'Egress']),
    ingress: rules,
    egress: rules,
  },
  { requiredKeys: [] },
)

const workloadEntry = fc
  .record({
    name: fc.constantFrom(...NAMES),
    node: NODE,
    ips: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1'], { maxLength: 2 }),
    labels: LABELS,
    profiles: PROFILES,
    namespace: NAMESPACE,
    ports: PORTS,
  })
  .map(({ name, ...more }) => workload(name, more))
const policyEntry = fc
  .record({
    name: fc.constantFrom(...NAMES),
    tier: fc.constantFrom('default', 'sec'),
    namespace: optional(NAMESPACE),
    spec: policySpec,
  })
  .map(({ name, tier, namespace, spec }) =>
    stored(
      namespace === undefined ? 'globalnetworkpolicies' : 'networkpolicies',
      `${tier}.${name}`,
      { tier, ...spec },
      namespace === undefined ? {} : { namespace },
    ),
  )
const specialPolicyEntry = fc
  .record({
    name: fc.constantFrom(...NAMES),
    spec: fc.constantFrom({ doNotTrack: true }, { preDNAT: true, types: ['Ingress'] }, {}),
    selector: SELECTOR,
  })
  .map(({ name, spec, selector }) =>
    stored('globalnetworkpolicies', `default.s${name}`, { applyOnForward: true, selector, ...spec }),
  )
const profileEntry = fc
  .record({ name: fc.constantFrom('p', 'q', 'kns.default'), labelsToApply: LABELS, ingress: rules })
  .map(({ name, ...spec }) => stored('profiles', name, spec))
const netsetEntry = fc
  .record({
    name: fc.constantFrom('s', 't'),
    namespace: optional(NAMESPACE),
    labels: LABELS,
    nets: fc.subarray(['10.0.0.1/32', '0.0.0.0/0', '198.51.100.0/24', 'fd00::/8']),
  })
  .map(({ name, namespace, labels, nets }) =>
    stored(
      namespace === undefined ? 'globalnetworksets' : 'networksets',
      name,
      { nets },
      { labels, ...(namespace !== undefined && { namespace }) },
    ),
  )
const hostEntry = fc
  .record({ name: fc.constantFrom('h', 'i'), node: NODE, labels: LABELS, profiles: PROFILES, ports: PORTS })
  .map(({ name, labels, ...spec }) =>
    stored('hostendpoints', name, { ...spec, interfaceName: 'eth0', expectedIPs: ['10.0.0.3'] }, { labels }),
  )
const tierEntry = fc
  .record({
    name: fc.constantFrom('default', 'sec'),
    order: fc.constantFrom(1, 2),
    defaultAction: fc.constantFrom('Deny', 'Pass'),
  })
  .map(({ name, ...spec }) => stored('tiers', name, spec))
const poolEntry = fc
  .record({
    name: fc.constantFrom('m', 'n'),
    cidr: fc.constantFrom('10.0.0.0/16', '10.1.0.0/16'),
    natOutgoing: fc.boolean(),
  })
  .map(({ name, ...spec }) => stored('ippools', name, spec))
const nodeEntry = fc.constantFrom('here', 'here.lab').map((name) => node(name, '192.0.2.1/24'))
const bgpPeerEntry = fc
  .record({ name: fc.constantFrom('x', 'y'), localWorkloadSelector: optional(SELECTOR) })
  .map(({ name, ...spec }) => stored('bgppeers', name, { ...spec, asNumber: 65_000 }))
const rubbish = fc.constantFrom<[string, string]>(
  ['/calico/resources/v3/projectcalico.org/profiles/p', '{'],
  ['/calico/resources/v3/projectcalico.org/globalnetworkpolicies/default.a', '[]'],
  ['/calico/resources/v3/projectcalico.org/workloadendpoints/default/nonsense', '{"spec":{}}'],
)

const entry = fc.oneof(
  { weight: 5, arbitrary: workloadEntry },
  { weight: 5, arbitrary: policyEntry },
  { weight: 3, arbitrary: profileEntry },
  specialPolicyEntry,
  netsetEntry,
  hostEntry,
  tierEntry,
  poolEntry,
  nodeEntry,
  bgpPeerEntry,
  rubbish,
)
const dataState: fc.Arbitrary<DataState> = fc
  .array(entry, { minLength: 2, maxLength: 24, size: 'max' })
  .map((entries) => new Map(entries))

describe('CalcGraph against an evaluation from nothing', () => {
  for (const flushing of FLUSHINGS) {
    test(`any path to a state sends exactly what the state says, flushed ${flushing}`, () => {
      fc.assert(
        fc.property(fc.array(dataState, { minLength: 1, maxLength: 5 }), (states) => {
          const [walked, wanted] = [walk(states, flushing), evaluate(states.at(-1) ?? new Map())]
          assert.deepEqual(walked.content(), wanted.content())
          assert.deepEqual(walked.notices, wanted.notices)
        }),
        { numRuns: 200 },
      )
    })
  }

  test('the states that are tried have something to say', () => {
    const samples = fc.sample(dataState, { numRuns: 300, seed: 1 }).map((state) => evaluate(state))
    const share = (has: (one: ReturnType<typeof evaluate>) => boolean): number =>
      samples.filter(has).length / samples.length
    assert.ok(share((one) => one.workloads.size > 0) > 0.5, 'local workloads')
    assert.ok(share((one) => one.policies.size > 0) > 0.3, 'active policies')
    assert.ok(share((one) => [...one.sets.values()].some((members) => members.size > 0)) > 0.3, 'sets with members')
    assert.ok(share((one) => one.hosts.size > 0) > 0.1, 'host endpoints')
    assert.ok(share((one) => one.notices.size > 0) > 0.1, 'notices')
    assert.ok(share((one) => [...one.workloads.values()].some(({ bgpPeer }) => bgpPeer)) > 0.1, 'BGP peers')
  })
})
