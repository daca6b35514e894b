// The differential test on fixed seeds: random resources and packets, and one verdict of kernel and reference.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Coverage } from './random/coverage.ts'
import { runDifferential } from './random/differential.ts'

const SCENARIOS = 12
const LIVES = { shots: 130, scenariosEachHost: 6, scenariosEachLife: 3 }
const RUNS = [
  { variant: 'legacy', seed: 1, endpointToHostAction: 'Return' },
  { variant: 'nft', seed: 1001, endpointToHostAction: 'Accept' },
] as const

describe('random policies and packets: the kernel says what the reference says', () => {
  const coverage = new Coverage()
  for (const run of RUNS) {
    test(`iptables-${run.variant}`, async (t) => {
      const end = coverage.scenarios + SCENARIOS
      const goOn = (): boolean => coverage.scenarios < end
      const start = performance.now()
      await runDifferential({ ...run, ...LIVES, goOn }, coverage)
      t.diagnostic(`${SCENARIOS} scenarios in ${Math.round(performance.now() - start)} ms`)
    })
  }

  test('enough of everything occurred', (t) => {
    for (const line of String(coverage).split('\n')) t.diagnostic(line)
    assert.ok(coverage.cases >= 2000, `only ${coverage.cases} cases`)
    for (const verdict of ['allow', 'deny'] as const) {
      assert.ok(coverage.share(verdict) >= 0.3, `${verdict} in only ${Math.round(100 * coverage.share(verdict))} %`)
    }
    const never = MUST_OCCUR.flatMap(([group, ...whats]) =>
      whats.filter((what) => !coverage.of(group).has(what)).map((what) => `${group}: ${what}`),
    )
    assert.deepEqual(never, [])
    assert.equal(coverage.late, 0, 'packets came out otherwise after Felix was done')
  })
})

const SIDE_FIELDS = [
  'nets',
  'notNets',
  'selector',
  'notSelector',
  'namespaceSelector',
  'serviceAccounts',
  'ports',
  'notPorts',
  'services',
]
const MUST_OCCUR: readonly (readonly [group: string, ...what: string[]])[] = [
  ['entered by', 'start', 'change', 'restart'],
  ['actions', 'Allow', 'Deny', 'Pass', 'Log'],
  [
    'rule fields',
    'protocol',
    'notProtocol',
    'ipVersion',
    'icmp',
    'notICMP',
    'http',
    'metadata',
    ...SIDE_FIELDS.flatMap((field) => [`source.${field}`, `destination.${field}`]),
  ],
  ['lists of alternatives in a rule', '0', '1', '2', '3'],
  [
    'resources',
    'Tier',
    'Profile',
    'WorkloadEndpoint',
    'HostEndpoint',
    'GlobalNetworkPolicy',
    'NetworkPolicy',
    'GlobalNetworkSet',
    'NetworkSet',
    'StagedNetworkPolicy',
    'StagedGlobalNetworkPolicy',
  ],
  ['host endpoints', 'eth0', '*', 'by address'],
  ['protocols', '1', '4', '6', '17', '58', '132', '136'],
  [
    'decided by',
    'policy',
    'profile',
    'end-of-tier',
    'no-profile-matched',
    'missing-profile',
    'failsafe',
    'spoofed-source',
    'encapsulated',
    'unknown-interface',
    'endpoint-to-host-action',
    'unrestricted',
  ],
  [
    'deciding stage',
    ...['workload', 'host', 'host-forward', 'host-untracked'].flatMap((kind) => [`${kind} ingress`, `${kind} egress`]),
    'host-pre-dnat ingress',
  ],
]
