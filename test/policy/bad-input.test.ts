// Bad input in the store, from whoever wrote it: each has one outcome in the kernel and one clear line in the log.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { makeResource, type Resource, resourceKey, type SpecInput } from '@calico-node/model'
import { VARIANTS } from './kernel/felix-node.ts'
import { endpointOf, Scene } from './kernel/scene.ts'
import { type Row, shotOf, WORKLOADS } from './truth/table.ts'

const ALLOW = [{ action: 'Allow' as const }]
const BASE: readonly Resource[] = [
  makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
  makeResource('Profile', { name: 'open' }, { ingress: ALLOW, egress: ALLOW }),
  endpointOf('a', { labels: { name: 'a' } }, { profiles: ['open'] }),
  endpointOf('b', { labels: { name: 'b' } }, { profiles: ['open'] }),
]
const toB = { selector: "name == 'b'", types: ['Ingress' as const] }
const policy = (spec: SpecInput<'GlobalNetworkPolicy'>, name = 'p'): Resource =>
  makeResource('GlobalNetworkPolicy', { name }, { ...toB, ...spec })
const closed = policy({ ingress: [] })

/** A policy as stored by somebody who did not check it. */
const stored = (change: object): readonly [key: string, value: string] => [
  resourceKey('GlobalNetworkPolicy', 'p'),
  JSON.stringify({
    kind: 'GlobalNetworkPolicy',
    apiVersion: 'projectcalico.org/v3',
    metadata: { name: 'default.p' },
    spec: { tier: 'default', ...toB, ...change },
  }),
]
const ruleWith = (fields: object): object => ({ ingress: [{ action: 'Allow', protocol: 'TCP', ...fields }] })

/** What counts as missing: the key, the field and what is wrong with it are told. */
const MISSING: readonly (readonly [what: string, spec: object, reason: RegExp])[] = [
  ['a selector that does not parse', { selector: 'name == ' }, /spec\.selector.*name == /],
  [
    'a selector of a rule that does not parse',
    ruleWith({ source: { selector: 'has(' } }),
    /spec\.ingress\[0\]\.source\.selector.*has\(/,
  ],
  [
    'a port range upside down',
    ruleWith({ destination: { ports: ['90:80'] } }),
    /spec\.ingress\[0\]\.destination\.ports.*90:80/,
  ],
  [
    'a port that does not exist',
    ruleWith({ destination: { ports: [65_536] } }),
    /spec\.ingress\[0\]\.destination\.ports.*65536/,
  ],
  [
    'a CIDR of the other IP version',
    ruleWith({ ipVersion: 4, source: { nets: ['fd00::/8'] } }),
    /spec\.ingress\[0\]\.source\.nets\[0\].*fd00::\/8.*IPv4/,
  ],
  [
    'CIDRs of both IP versions in one rule',
    ruleWith({ source: { nets: ['10.0.0.0/8'] }, destination: { nets: ['fd00::/8'] } }),
    /spec\.ingress\[0\]\.destination\.nets\[0\].*IPv4/,
  ],
  [
    'ports without a protocol that has them',
    { ingress: [{ action: 'Allow', destination: { ports: [80] } }] },
    /spec\.ingress\[0\]\.destination\.ports.*TCP, UDP or SCTP/,
  ],
  ['an action that does not exist', { ingress: [{ action: 'Reject' }] }, /spec\.ingress\[0\]\.action.*Reject/],
]

for (const variant of VARIANTS) {
  describe(`bad input, iptables-${variant}`, () => {
    let scene: Scene
    before(async () => {
      scene = await Scene.create({ variant, workloads: WORKLOADS })
      await scene.start(BASE)
    })
    after(async () => scene.stop())

    /** The kernel says what the resources say, and what the rows say. */
    const expectRows = async (resources: readonly Resource[], rows: readonly Row[]): Promise<void> => {
      await scene.felix.apply(resources)
      const { verdicts, mismatches } = await scene.compare(resources, rows.map(shotOf))
      assert.deepEqual(mismatches, [])
      assert.deepEqual(
        verdicts.map(({ action }) => action),
        rows.map(([, , , result]) => result),
      )
    }
    const logged = (from: number, line: RegExp): string[] =>
      scene.felix.log
        .slice(from)
        .split('\n')
        .filter((text) => line.test(text))

    for (const [what, spec, reason] of MISSING) {
      test(`${what}: the policy counts as missing, and is told once`, async () => {
        await expectRows([...BASE, closed], [['a', 'b', {}, 'deny']])
        const from = scene.felix.log.length
        const [key, value] = stored(spec)
        const complaint = new RegExp(`WARNING.*counts as missing.*${key.replaceAll('.', '\\.')}`)
        await scene.felix.store.put(key, value)
        await waitFor('the complaint', () => logged(from, complaint).length > 0)
        // The store holds the bad value, and what the kernel does is as if it held none.
        await scene.felix.settle()
        const { mismatches } = await scene.compare(BASE, [shotOf(['a', 'b', {}, 'allow'])])
        assert.deepEqual(mismatches, [])
        const [line, ...more] = logged(from, complaint)
        assert.match(line ?? '', reason)
        assert.deepEqual(more, [])
        await scene.felix.store.put(...stored({ ingress: [] }))
        await waitFor(
          'that it is valid again',
          () => logged(from, new RegExp(`valid again.*${key.replaceAll('.', '\\.')}`)).length > 0,
        )
        await expectRows([...BASE, closed], [['a', 'b', {}, 'deny']])
      })
    }

    test('a profile that is broken denies', async () => {
      await expectRows(BASE, [['a', 'b', {}, 'allow']])
      const from = scene.felix.log.length
      const key = resourceKey('Profile', 'open')
      await scene.felix.store.put(
        key,
        JSON.stringify({
          metadata: { name: 'open' },
          spec: { ingress: [{ action: 'Allow', source: { selector: '==' } }] },
        }),
      )
      await waitFor('the complaint', () => logged(from, /WARNING.*counts as missing.*profiles\/open/).length === 1)
      await scene.felix.settle()
      const withoutIt = BASE.filter(({ kind }) => kind !== 'Profile')
      assert.deepEqual(
        (await scene.compare(withoutIt, [shotOf(['a', 'b', {}, 'deny']), shotOf(['host', 'b', {}, 'allow'])]))
          .mismatches,
        [],
      )
      scene.felix.forget(key)
    })

    test('a tier that does not exist: in force, after all others, and told', async () => {
      const from = scene.felix.log.length
      await expectRows([...BASE, policy({ tier: 'lost', ingress: [] }, 'lost.p')], [['a', 'b', {}, 'deny']])
      await waitFor('the notice', () => logged(from, /WARNING.*Tier lost does not exist/).length === 1)
      await expectRows(BASE, [['a', 'b', {}, 'allow']])
      await waitFor('that it is mended', () => logged(from, /Mended.*lost/).length === 1)
    })

    test('a rule of 300 ports', async () => {
      const ports = Array.from({ length: 300 }, (_, at) => 2000 + 2 * at)
      const from = scene.felix.log.length
      await expectRows(
        [...BASE, policy({ ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports } }] })],
        [
          ['a', 'b', { port: 2000 }, 'allow'],
          ['a', 'b', { port: 2298, version: 6 }, 'allow'],
          ['a', 'b', { port: 2598 }, 'allow'],
          ['a', 'b', { port: 2299 }, 'deny'],
          ['a', 'b', { port: 2600 }, 'deny'],
          ['a', 'b', { port: 2000, protocol: 'udp' }, 'deny'],
        ],
      )
      assert.deepEqual(logged(from, /WARNING|ERROR/), [])
    })

    test('a set of 100,000 members', async (t) => {
      const sets = [0, 1].map((half) =>
        makeResource(
          'GlobalNetworkSet',
          { name: `many-${half}`, labels: { many: '' } },
          {
            nets: Array.from({ length: 50_000 }, (_, at) => `${100 + half}.${at >> 8}.${at & 0xff}.7/32`),
          },
        ),
      )
      const start = performance.now()
      await expectRows(
        [...BASE, ...sets, policy({ ingress: [{ action: 'Allow', source: { selector: 'has(many)' } }] })],
        [
          ['outside', 'b', { source: '100.0.0.7' }, 'allow'],
          ['outside', 'b', { source: '101.195.79.7' }, 'allow'],
          ['outside', 'b', { source: '101.195.80.7' }, 'deny'],
          ['outside', 'b', { source: '100.0.0.8' }, 'deny'],
          ['a', 'b', {}, 'deny'],
        ],
      )
      t.diagnostic(`in force after ${Math.round(performance.now() - start)} ms`)
      await expectRows(BASE, [['outside', 'b', { source: '101.195.80.7' }, 'allow']])
    })
  })
}
