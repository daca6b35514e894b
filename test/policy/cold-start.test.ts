// No open door at cold start: traffic runs from before Felix starts, and no denied packet comes out at any moment. What comes
// out is counted in the kernel. What reaches the host itself before the first rules stand is beyond Felix.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { makeResource, type Resource } from '@calico-node/model'
import { VARIANTS } from './kernel/felix-node.ts'
import { endpointOf, Scene } from './kernel/scene.ts'
import type { FloodResult } from './kernel/wires.ts'
import { describeRow, type Row, shotOf, WORKLOADS } from './truth/table.ts'

const ALLOW = [{ action: 'Allow' as const }]
const BAD = '203.0.113.9'
/** Much to do before all is done: the more, the longer a door could stand open. */
const FILLERS = Array.from({ length: 60 }, (_, at) => at)

/** a is open to everybody; b to nobody; c to all but the bad, who are many, and to workloads but a; d may not send. */
const RESOURCES: readonly Resource[] = [
  makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
  makeResource('Profile', { name: 'open' }, { ingress: ALLOW, egress: ALLOW }),
  endpointOf('a', { labels: { name: 'a' } }, { profiles: ['open'] }),
  endpointOf('b', { labels: { name: 'b' } }),
  endpointOf('c', { labels: { name: 'c' } }, { profiles: ['open'] }),
  endpointOf('d', { labels: { name: 'd' } }, { profiles: ['open'] }),
  makeResource(
    'GlobalNetworkPolicy',
    { name: 'no-bad' },
    {
      selector: "name == 'c'",
      types: ['Ingress'],
      ingress: [{ action: 'Deny', source: { selector: "has(bad) || name == 'a'" } }, ...ALLOW],
    },
  ),
  makeResource('GlobalNetworkPolicy', { name: 'mute' }, { selector: "name == 'd'", types: ['Egress'] }),
  makeResource(
    'GlobalNetworkSet',
    { name: 'bad', labels: { bad: '' } },
    {
      nets: [
        `${BAD}/32`,
        '2001:db8::9/128',
        ...Array.from({ length: 5000 }, (_, at) => `198.18.${at >> 8}.${at & 0xff}/32`),
      ],
    },
  ),
  makeResource('Tier', { name: 'filler' }, { order: 1, defaultAction: 'Pass' }),
  ...FILLERS.flatMap((at) => [
    makeResource(
      'GlobalNetworkSet',
      { name: `filler-${at}`, labels: { filler: String(at) } },
      { nets: [`198.19.${at}.0/24`] },
    ),
    makeResource(
      'GlobalNetworkPolicy',
      { name: `filler.p${at}` },
      {
        tier: 'filler',
        ingress: [
          { action: 'Deny', source: { selector: `filler == '${at}'` } },
          { action: 'Log', protocol: 'SCTP', destination: { ports: [at + 1] } },
        ],
        egress: [{ action: 'Deny', destination: { selector: `filler == '${at}'` } }],
        types: ['Ingress'],
      },
    ),
  ]),
]
const INTO: readonly Row[] = [
  ['a', 'b', {}, 'deny', 'b has no profile'],
  ['outside', 'b', { version: 6 }, 'deny', 'b has no profile'],
  ['outside', 'c', {}, 'deny', 'in a set that is denied'],
  ['outside', 'c', { version: 6, protocol: 'udp' }, 'deny', 'in a set that is denied'],
  ['a', 'c', { protocol: 'udp' }, 'deny', 'a workload that is denied'],
  ['d', 'a', {}, 'deny', 'd may not send'],
  ['b', 'a', { version: 6 }, 'deny', 'no profile, nothing out'],
]
const OUT: readonly Row[] = [
  ['d', 'outside', {}, 'deny', 'd may not send'],
  ['d', 'outside', { version: 6 }, 'deny', 'd may not send'],
  ['a', 'outside', { source: '10.65.0.2' }, 'deny', 'the address of b'],
]
const ALLOWED: readonly Row[] = [
  ['outside', 'a', {}, 'allow'],
  ['outside', 'c', { source: '203.0.113.77' }, 'allow'],
  ['c', 'a', { version: 6 }, 'allow'],
]

const setForwarding = (on: 0 | 1): void => {
  for (const name of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])
    execFileSync('sysctl', ['-qw', `${name}=${on}`])
}

/** Starts Felix amid the packets. */
async function comeUp(scene: Scene, rows: readonly Row[]): Promise<{ row: Row; result: FloodResult }[]> {
  await scene.felix.put(RESOURCES)
  const flood = scene.wires.flood(rows.map(shotOf))
  await sleep(500)
  scene.felix.startFelix()
  await scene.felix.inSync()
  await sleep(1000)
  const results = await flood.end()
  return rows.flatMap((row, at) => {
    const result = results[at]
    return result === undefined ? [] : [{ row, result }]
  })
}

for (const variant of VARIANTS) {
  describe(`cold start, iptables-${variant}`, () => {
    const withScene = async (body: (scene: Scene) => Promise<void>): Promise<void> => {
      const scene = await Scene.create({ variant, workloads: WORKLOADS })
      try {
        await body(scene)
      } finally {
        await scene.stop()
      }
    }
    const check = (seen: readonly { row: Row; result: FloodResult }[]): void => {
      for (const { row, result } of seen) {
        const what = `${describeRow(row)}: ${result.arrived} of ${result.sent} arrived`
        assert.ok(result.sent > 50, what)
        assert.equal(result.arrived > 0, row[3] === 'allow', what)
      }
    }

    test('a host as it boots, which does not forward yet: nothing denied comes out', async () =>
      withScene(async (scene) => {
        setForwarding(0)
        const seen = await comeUp(scene, [...INTO, ...OUT, ...ALLOWED])
        check(seen)
        // Until there is a route to a workload, its packets take the default route; but not those of a mute one.
        const astray = seen.filter(({ row: [from], result }) => from === 'd' && result.astray > 0)
        assert.deepEqual(astray, [])
      }))

    test('a host that forwards already: nothing denied reaches a workload', async () =>
      withScene(async (scene) => {
        setForwarding(1)
        check(await comeUp(scene, [...INTO, ...ALLOWED]))
      }))

    test('control: with everything allowed, the same packets come out', async () =>
      withScene(async (scene) => {
        const open = [
          makeResource('Profile', { name: 'open' }, { ingress: ALLOW, egress: ALLOW }),
          ...WORKLOADS.map((name) => endpointOf(name, {}, { profiles: ['open'] })),
        ]
        await scene.start(open)
        const rows = [...INTO, ...OUT.slice(0, 2)]
        await waitFor('all packets', async () => (await scene.wires.fire(rows.map(shotOf))).every((passed) => passed))
      }))
  })
}
