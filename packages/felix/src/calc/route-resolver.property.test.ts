import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { evaluate } from './graph-oracle.ts'
import { block, CONFIG, type DataState, FLUSHINGS, node, stored, walk } from './graph-testing.ts'

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })

const poolEntry = fc
  .record({
    name: fc.constantFrom('m', 'n', 'o'),
    cidr: fc.constantFrom('10.0.0.0/16', '10.0.0.0/24', '10.1.0.0/16', 'fd00::/112'),
    natOutgoing: fc.boolean(),
    mode: fc.constantFrom('Never', 'Always', 'CrossSubnet'),
    byIpip: fc.boolean(),
  })
  .map(({ name, mode, byIpip, ...spec }) =>
    stored('ippools', name, {
      ...spec,
      ...(byIpip && !spec.cidr.includes(':') ? { ipipMode: mode } : { vxlanMode: mode }),
    }),
  )

/* Where addresses are: nodes with tunnel addresses that may collide, blocks that may lend addresses. */
const NODES = fc.constantFrom('here', 'there', 'far')
const nodeEntry = fc
  .record({
    name: NODES,
    ip: fc.constantFrom('192.0.2.1/24', '192.0.2.2/24', '198.51.100.1/24'),
    ipv6: optional(fc.constantFrom('fd99::1/64', 'fd99::2/64', 'fd98::1/64')),
    four: optional(fc.constantFrom('10.0.0.1', '10.0.0.65', '10.1.0.1', '172.16.0.1')),
    six: optional(fc.constantFrom('fd00::1', 'fd00::41')),
    ipip: optional(fc.constantFrom('10.0.0.2', '10.0.0.65', '10.1.0.1')),
    mac: optional(fc.constant('66:01:02:03:04:05')),
  })
  .map(({ name, ip, ipv6, four, six, ipip, mac }) =>
    node(
      name,
      ip,
      { ipv4VXLANTunnelAddr: four, ipv6VXLANTunnelAddr: six, vxlanTunnelMACAddr: mac },
      { ipv4IPIPTunnelAddr: ipip, ipv6Address: ipv6 },
    ),
  )
const blockEntry = fc
  .record({
    cidr: fc.constantFrom('10.0.0.0/26', '10.0.0.64/26', '10.1.0.0/26', '10.0.0.5/32', 'fd00::/122', 'fd00::40/122'),
    owner: fc.option(NODES),
    allocated: fc.uniqueArray(
      fc.record({
        at: fc.constantFrom(0, 1, 2, 5),
        node: NODES,
        type: fc.constantFrom('', 'vxlanTunnelAddress'),
      }),
      { maxLength: 3, selector: ({ at }) => at },
    ),
  })
  .map(({ cidr, owner, allocated }) => block(cidr, owner, cidr.endsWith('/32') ? [] : allocated))
const bgpEntry = fc
  .record({
    name: fc.constantFrom('default', 'node.here'),
    programClusterRoutes: fc.constantFrom('Enabled', 'Disabled'),
    serviceClusterIPs: fc.subarray([{ cidr: '10.96.0.0/12' }, { cidr: 'fd96::/108' }]),
  })
  .map(({ name, ...spec }) => stored('bgpconfigurations', name, spec))
const rubbish = fc.constantFrom<[string, string]>(
  ['/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26', '{"cidr":"10.0.0.0/26"}'],
  ['/calico/resources/v3/projectcalico.org/nodes/there', '{'],
)

const entry = fc.oneof(
  { weight: 6, arbitrary: poolEntry },
  { weight: 10, arbitrary: nodeEntry },
  { weight: 8, arbitrary: blockEntry },
  { weight: 2, arbitrary: bgpEntry },
  rubbish,
)
const dataState: fc.Arbitrary<DataState> = fc
  .array(entry, { minLength: 2, maxLength: 20, size: 'max' })
  .map((entries) => new Map(entries))
const CONFIGS = fc.constantFrom(CONFIG, { ...CONFIG, ProgramClusterRoutes: 'Enabled' as const })

describe('RouteResolver against an evaluation from nothing', () => {
  for (const flushing of FLUSHINGS) {
    test(`any path to a state leads to the ways and notices that the state says, flushed ${flushing}`, () => {
      const states = fc.array(dataState, { minLength: 1, maxLength: 5 })
      fc.assert(
        fc.property(states, CONFIGS, (path, config) => {
          const last = path.at(-1) ?? new Map()
          const walked = walk(path, flushing, config)
          assert.deepEqual(walked.content(), evaluate(last, config).content())
          assert.deepEqual(walked.notices, walk([last], flushing, config).notices)
        }),
        { numRuns: 300 },
      )
    })
  }

  test('the states that are tried have something to say', () => {
    const samples = fc.sample(dataState, { numRuns: 300, seed: 1 }).map((state) => evaluate(state, CONFIG))
    const share = (has: (one: ReturnType<typeof evaluate>) => boolean): number =>
      samples.filter(has).length / samples.length
    assert.ok(share((one) => one.ends.size > 0) > 0.3, 'ends of tunnels')
    for (const kind of ['blackhole', 'tunnel', 'direct']) {
      const shareOf = share((one) => [...one.routes.values()].some((target) => target.kind === kind))
      assert.ok(shareOf > 0.1, `routes of kind ${kind}: ${shareOf}`)
    }
  })
})
