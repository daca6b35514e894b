// Invariants under change: while something changes as fast as it can, traffic that it does not concern loses nothing, and
// nothing denied passes. Both are counted in the kernel; a control run without changes shows that nothing is lost by itself.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep } from '@calico-node/core'
import { makeResource, type Resource, type SpecInput } from '@calico-node/model'
import { VARIANTS } from './kernel/felix-node.ts'
import { endpointOf, NODE, Scene } from './kernel/scene.ts'
import { describeRow, latest, type Row, shotOf, WORKLOADS } from './truth/table.ts'

const FLOOD_MS = 1000
/** Between two states; Felix takes longer for most, so that changes meet passes at every point. */
const STEP_MS = 7
const MIN_CHANGES = 10
/** Of each kind; a busy machine sends few. */
const MIN_PACKETS = 5

const ALLOW = [{ action: 'Allow' as const }]
const only = (...ports: number[]) => ({ action: 'Allow' as const, protocol: 'TCP' as const, destination: { ports } })
const policy = (name: string, spec: SpecInput<'GlobalNetworkPolicy'>): Resource =>
  makeResource('GlobalNetworkPolicy', { name }, spec)
const set = (name: string, label: string, nets: readonly string[]): Resource =>
  makeResource('GlobalNetworkSet', { name, labels: { [label]: '' } }, { nets })
const address = (at: number): string => `198.18.${(at >> 8) & 0xff}.${at & 0xff}/32`
const profile = (name: string, ingress: SpecInput<'Profile'>['ingress'] = ALLOW): Resource =>
  makeResource('Profile', { name }, { ingress, egress: ALLOW })
const workload = (name: 'a' | 'b' | 'c' | 'd', labels: Record<string, string> = {}): Resource =>
  endpointOf(name, { labels: { name, ...labels } }, { profiles: ['open'] })

/** c lets good addresses in, among them outside's, and TCP from workloads called a; d is for itself. */
const BASE: readonly Resource[] = [
  makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
  profile('open'),
  ...(['a', 'b', 'c'] as const).map((name) => workload(name)),
  set('good', 'good', ['203.0.113.0/24', '2001:db8::/32']),
  policy('server', {
    selector: "name == 'c'",
    types: ['Ingress'],
    ingress: [
      { action: 'Allow', source: { selector: 'has(good)' } },
      { ...only(80), source: { selector: "name == 'a'" } },
    ],
  }),
  makeResource(
    'HostEndpoint',
    { name: 'uplink', labels: { host: '' } },
    { node: NODE, interfaceName: 'eth0', profiles: ['open'] },
  ),
]
const TRAFFIC: readonly Row[] = [
  ['a', 'c', {}, 'allow'],
  ['a', 'c', { version: 6 }, 'allow'],
  ['outside', 'c', { protocol: 'udp' }, 'allow'],
  ['outside', 'c', { version: 6, protocol: 'icmp' }, 'allow'],
  ['a', 'outside', {}, 'allow'],
  ['outside', 'host', {}, 'allow'],
  ['b', 'c', {}, 'deny'],
  ['b', 'c', { version: 6, protocol: 'udp' }, 'deny'],
  ['a', 'c', { port: 81 }, 'deny'],
  ['outside', 'c', { source: '198.51.100.9' }, 'deny'],
  ['b', 'outside', { source: '10.65.0.1' }, 'deny', 'the address of a'],
]

/** The state after so many changes, and what else it says. */
type Change = readonly [what: string, stateAt: (step: number) => readonly Resource[], more?: readonly Row[]]
const CHANGES: readonly Change[] = [
  ['control: nothing', () => BASE],
  [
    'a policy of other endpoints',
    (step) => [...BASE, policy('other', { selector: "name == 'b'", types: ['Ingress'], ingress: [only(step + 1)] })],
  ],
  [
    'a policy that comes and goes',
    (step) =>
      step % 2 === 0
        ? BASE
        : [
            ...BASE,
            policy('more', { selector: "name == 'c'", order: 1, types: ['Ingress'], ingress: [only(9000 + step)] }),
          ],
  ],
  [
    'other rules of the policy that decides',
    (step) =>
      latest(
        ...BASE,
        policy('server', {
          selector: "name == 'c'",
          types: ['Ingress'],
          ingress: [
            ...Array.from({ length: step % 4 }, (_, at) => only(7000 + step + at)),
            { action: 'Allow', source: { selector: 'has(good)' } },
            ...(step % 3 === 0
              ? [{ action: 'Deny' as const, protocol: 'SCTP' as const, source: { nets: ['10.0.0.0/8'] } }]
              : []),
            { ...only(80), source: { selector: "name == 'a'" } },
          ],
        }),
      ),
  ],
  [
    'other members of the set that decides',
    (step) =>
      latest(
        ...BASE,
        set('good', 'good', [
          '203.0.113.0/24',
          '2001:db8::/32',
          ...Array.from({ length: 300 }, (_, at) => address(step * 37 + at)),
        ]),
      ),
  ],
  [
    'the way a selector is written, and so the set behind it',
    (step) =>
      latest(
        ...BASE,
        policy('server', {
          selector: "name == 'c'",
          types: ['Ingress'],
          ingress: [
            { action: 'Allow', source: { selector: `has(good) || name == 'x${step}'` } },
            { ...only(80), source: { selector: `name in {'a', 'x${step}'}` } },
          ],
        }),
      ),
  ],
  [
    'another set with the same label',
    (step) => (step % 2 === 0 ? BASE : [...BASE, set('more', 'good', [address(step)])]),
  ],
  [
    'labels of endpoints',
    (step) => latest(...BASE, workload('c', { step: String(step) }), workload('b', { step: String(step) })),
  ],
  ['an endpoint that comes and goes', (step) => (step % 2 === 0 ? BASE : [...BASE, workload('d')])],
  ['other rules of the profile', (step) => latest(...BASE, profile('open', [only(9000 + step), ...ALLOW]))],
  [
    'a policy of a tier of its own, and the order of the tier',
    (step) => [
      ...BASE,
      makeResource('Tier', { name: 'other' }, { order: step, defaultAction: 'Pass' }),
      ...(step % 2 === 0
        ? []
        : [policy('other.p', { tier: 'other', selector: 'all()', ingress: [{ action: 'Deny', protocol: 'SCTP' }] })]),
    ],
  ],
  [
    'order of policies without an effect',
    (step) => [
      ...BASE,
      ...[1, 2].map((at) =>
        policy(`p${at}`, {
          selector: "name == 'c'",
          order: (step * at) % 5,
          types: ['Ingress'],
          ingress: [{ action: 'Deny', protocol: 'SCTP', destination: { ports: [at] } }],
        }),
      ),
    ],
  ],
  [
    'a policy of what the host forwards',
    (step) =>
      step % 2 === 0
        ? BASE
        : [
            ...BASE,
            policy('hosts', {
              selector: 'has(host)',
              applyOnForward: true,
              ingress: [{ action: 'Deny', protocol: 'SCTP' }, ...ALLOW],
              egress: ALLOW,
            }),
          ],
  ],
]

/** Step by step from the one to the other and back; there is always at least one of them. */
const inTurn = <T>(step: number, one: T, other: T): readonly T[] =>
  [[one], [one, other], [other], [other, one]][step % 4] ?? []
const NOT_TO_D: readonly Row[] = [
  ['a', 'd', {}, 'deny'],
  ['outside', 'd', { version: 6 }, 'deny'],
  ['host', 'd', {}, 'allow'],
]
const closes = (name: string, spec: SpecInput<'GlobalNetworkPolicy'>): Resource =>
  policy(name, { types: ['Ingress'], ingress: [{ action: 'Deny' }], ...spec })
/** One that denies takes over from another. */
const TAKEOVERS: readonly Change[] = [
  [
    'policies that deny the same take turns',
    (step) => [
      ...BASE,
      workload('d'),
      ...inTurn(step, 'p', 'q').map((name) => closes(name, { selector: "name == 'd'" })),
    ],
    NOT_TO_D,
  ],
  [
    'sets that hold the same denied addresses take turns',
    (step) => [
      ...BASE,
      workload('d'),
      closes('p', {
        selector: "name == 'd'",
        ingress: [{ action: 'Deny', source: { selector: 'has(bad)' } }, ...ALLOW],
      }),
      ...inTurn(step, 's', 't').map((name) => set(name, 'bad', ['203.0.113.0/24', '2001:db8::/32', '10.65.0.1/32'])),
    ],
    NOT_TO_D,
  ],
  [
    'an endpoint changes from what one policy denies to what another does',
    (step) => [
      ...BASE,
      workload('d', { kind: step % 2 === 0 ? 'one' : 'other' }),
      closes('p', { selector: "kind == 'one'" }),
      closes('q', { selector: "kind == 'other'" }),
    ],
    NOT_TO_D,
  ],
  [
    'profiles that deny take turns',
    (step) => [
      ...BASE,
      profile('shut1', [{ action: 'Deny' }]),
      profile('shut2', [{ action: 'Deny' }]),
      endpointOf('d', {}, { profiles: [`shut${(step % 2) + 1}`, 'open'] }),
    ],
    NOT_TO_D,
  ],
]

for (const variant of VARIANTS) {
  describe(`under change, iptables-${variant}`, () => {
    let scene: Scene
    before(async () => {
      scene = await Scene.create({ variant, workloads: WORKLOADS })
      await scene.start(BASE)
    })
    after(async () => scene.stop())

    for (const [what, stateAt, more = []] of [...CHANGES, ...TAKEOVERS]) {
      const rows = [...TRAFFIC, ...more]
      test(what, async (t) => {
        await scene.felix.apply(stateAt(0))
        assert.deepEqual((await scene.compare(stateAt(0), rows.map(shotOf))).mismatches, [])
        const flood = scene.wires.flood(rows.map(shotOf))
        const end = performance.now() + FLOOD_MS
        let steps = 0
        for (; performance.now() < end || steps < MIN_CHANGES; steps++) {
          await scene.felix.put(stateAt(steps))
          await sleep(STEP_MS)
        }
        await scene.felix.apply(stateAt(steps))
        const results = await flood.end()
        t.diagnostic(`${steps} changes, ${results.reduce((sum, { sent }) => sum + sent, 0)} packets`)
        for (const [at, { sent, arrived }] of results.entries()) {
          const row = rows[at] ?? assert.fail()
          assert.ok(sent >= MIN_PACKETS, `only ${sent} packets`)
          assert.equal(arrived, row[3] === 'allow' ? sent : 0, `${describeRow(row)}: ${arrived} of ${sent} arrived`)
        }
      })
    }
  })
}
