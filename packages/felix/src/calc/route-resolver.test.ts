import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseMac, parseNodeName } from '@calico-node/model'
import { block, CONFIG, type DataState, node, stored, walk } from './graph-testing.ts'
import type { RouteTarget } from './messages.ts'
import { linkLocalOf, tunnelMac } from './tunnel-mac.ts'

const pool = (name: string, cidr: string, spec: object): [string, string] => stored('ippools', name, { cidr, ...spec })
const ALWAYS = { vxlanMode: 'Always' }
const CROSS = { vxlanMode: 'CrossSubnet' }

/* here and near share a subnet, far does not. */
const here = node('here', '192.0.2.1/24', { ipv4VXLANTunnelAddr: '10.0.0.1' })
const near = node('near', '192.0.2.2/24', { ipv4VXLANTunnelAddr: '10.0.0.65' })
const far = node('far', '198.51.100.3/24', { ipv4VXLANTunnelAddr: '10.0.0.129' })
const blocks = [block('10.0.0.0/26', 'here'), block('10.0.0.64/26', 'near'), block('10.0.0.128/26', 'far')]
const cluster = (...more: [string, string][]): DataState => new Map([here, near, far, ...blocks, ...more])

const targetText = (target: RouteTarget): string =>
  target.kind === 'blackhole' ? 'blackhole' : `${target.kind === 'tunnel' ? target.tunnel : 'direct'} ${target.gateway}`
const routes = (state: DataState, config = CONFIG): Record<string, string> =>
  Object.fromEntries(
    [...walk([state], 'after each state', config).routes].map(([dst, target]) => [dst, targetText(target)]),
  )
const notices = (state: DataState, config = CONFIG): string[] =>
  [...walk([state], 'after each state', config).notices.values()].toSorted()
const plain = { ...CONFIG, ProgramClusterRoutes: 'Enabled' as const }

describe('routes to blocks', () => {
  const modes: [why: string, spec: object, expected: Record<string, string>, config?: typeof CONFIG][] = [
    ['VXLAN always', ALWAYS, { '10.0.0.64/26': 'vxlan 10.0.0.65', '10.0.0.128/26': 'vxlan 10.0.0.129' }],
    ['VXLAN across subnets', CROSS, { '10.0.0.64/26': 'direct 192.0.2.2', '10.0.0.128/26': 'vxlan 10.0.0.129' }],
    ['IPIP always', { ipipMode: 'Always' }, { '10.0.0.64/26': 'ipip 192.0.2.2', '10.0.0.128/26': 'ipip 198.51.100.3' }],
    [
      'IPIP across subnets',
      { ipipMode: 'CrossSubnet' },
      { '10.0.0.64/26': 'direct 192.0.2.2', '10.0.0.128/26': 'ipip 198.51.100.3' },
    ],
    [
      'none, when that is ours',
      {},
      { '10.0.0.64/26': 'direct 192.0.2.2', '10.0.0.128/26': 'direct 198.51.100.3' },
      plain,
    ],
  ]
  for (const [why, spec, expected, config = CONFIG] of modes) {
    test(`${why}: ours is a blackhole, the others' lead to them`, () => {
      assert.deepEqual(routes(cluster(pool('p', '10.0.0.0/16', spec)), config), {
        '10.0.0.0/26': 'blackhole',
        ...expected,
      })
    })
  }

  const nothing: [why: string, pool: [string, string], config?: typeof CONFIG][] = [
    ["a pool without encapsulation, which is BIRD's", pool('p', '10.0.0.0/16', {})],
    ['a pool elsewhere', pool('p', '10.9.0.0/16', ALWAYS)],
    ['VXLAN that is switched off', pool('p', '10.0.0.0/16', ALWAYS), { ...CONFIG, VxlanEnabled: false }],
    ['IPIP that is switched off', pool('p', '10.0.0.0/16', { ipipMode: 'Always' }), { ...CONFIG, IpipEnabled: false }],
    ['no routes at all', pool('p', '10.0.0.0/16', ALWAYS), { ...CONFIG, RouteSyncDisabled: true }],
  ]
  for (const [why, thePool, config] of nothing) {
    test(`${why}: nothing is asked for`, () => assert.deepEqual(routes(cluster(thePool), config), {}))
  }

  test('a disabled pool still has its routes', () => {
    assert.equal(Object.keys(routes(cluster(pool('p', '10.0.0.0/16', { ...ALWAYS, disabled: true })))).length, 3)
  })

  test("an address in another's block has a route of its own; one that came to us has none", () => {
    const lent = block('10.0.0.128/26', 'far', [
      { at: 5, node: 'near' },
      { at: 6, node: 'here' },
      { at: 7, node: 'far' },
    ])
    assert.deepEqual(routes(cluster(pool('p', '10.0.0.0/16', ALWAYS), lent)), {
      '10.0.0.0/26': 'blackhole',
      '10.0.0.64/26': 'vxlan 10.0.0.65',
      '10.0.0.128/26': 'vxlan 10.0.0.129',
      '10.0.0.133/32': 'vxlan 10.0.0.65',
    })
  })

  test('a block without an owner leads nowhere, its addresses to who has them', () => {
    const orphan = block('10.0.0.192/26', null, [{ at: 1, node: 'near' }])
    assert.equal(routes(cluster(pool('p', '10.0.0.0/16', ALWAYS), orphan))['10.0.0.193/32'], 'vxlan 10.0.0.65')
    assert.equal(routes(cluster(pool('p', '10.0.0.0/16', ALWAYS), orphan))['10.0.0.192/26'], undefined)
  })

  test('blocks of one address: no blackhole of ours, and a tunnel address leads to itself', () => {
    const state = new Map([
      here,
      near,
      pool('p', '10.0.0.0/16', { ...ALWAYS, blockSize: 32 }),
      block('10.0.0.1/32', 'here'),
      block('10.0.0.65/32', 'near'),
    ])
    assert.deepEqual(routes(state), { '10.0.0.65/32': 'vxlan 10.0.0.65' })
  })

  test('a node whose tunnel address is not known yet is not reachable yet', () => {
    const state = new Map([...cluster(pool('p', '10.0.0.0/16', ALWAYS)), node('near', '192.0.2.2/24')])
    assert.equal(routes(state)['10.0.0.64/26'], undefined)
    assert.deepEqual([...walk([state]).ends.keys()], ['vxlan far'])
  })

  test('IPv6 pools go through the IPv6 tunnel', () => {
    const six = (name: string, four: string, address: string, tunnel: string) =>
      node(name, four, { ipv6VXLANTunnelAddr: tunnel }, { ipv6Address: address })
    const state = new Map([
      six('here', '192.0.2.1/24', 'fd99::1/64', 'fd00::1'),
      six('near', '192.0.2.2/24', 'fd99::2/64', 'fd00::41'),
      pool('p', 'fd00::/64', { ...ALWAYS, blockSize: 122 }),
      block('fd00::/122', 'here'),
      block('fd00::40/122', 'near'),
    ])
    assert.deepEqual(routes(state), {
      'fd00::/122': 'blackhole',
      'fd00::40/122': `vxlan-v6 ${linkLocalOf(tunnelMac(parseNodeName('near'), 6))}`,
    })
    const receiver = walk([state])
    assert.deepEqual(
      [...receiver.tunnels.values()],
      [{ kind: 'vxlan-v6', nodeIp: 'fd99::1', address: 'fd00::1', mac: tunnelMac(parseNodeName('here'), 6) }],
    )
    assert.deepEqual(
      [...receiver.ends.values()].map(({ nodeIp, tunnelIp }) => `${nodeIp} ${tunnelIp}`),
      ['fd99::2 fd00::41'],
    )
  })
})

describe('mistakes that a person should mend', () => {
  test('none: nothing is said', () => assert.deepEqual(notices(cluster(pool('p', '10.0.0.0/16', ALWAYS))), []))

  test('overlapping pools: said, and the smaller counts', () => {
    const state = cluster(pool('large', '10.0.0.0/16', ALWAYS), pool('small', '10.0.0.128/25', { ipipMode: 'Always' }))
    assert.deepEqual(
      notices(state).filter((text) => text.includes('overlap')),
      ['IP pools large (10.0.0.0/16) and small (10.0.0.128/25) overlap: small counts where they do'],
    )
    assert.equal(routes(state)['10.0.0.64/26'], 'vxlan 10.0.0.65')
    assert.equal(routes(state)['10.0.0.128/26'], 'ipip 198.51.100.3')
  })

  test('a tunnel address outside every pool: said; the node is reached all the same, the address is not', () => {
    const state = new Map([
      ...cluster(pool('p', '10.0.0.0/16', ALWAYS)),
      node('near', '192.0.2.2/24', { ipv4VXLANTunnelAddr: '203.0.113.9' }),
    ])
    assert.deepEqual(notices(state), ['VXLAN tunnel address 203.0.113.9 of Node near lies in no VXLAN pool'])
    assert.equal(routes(state)['10.0.0.64/26'], 'vxlan 203.0.113.9')
    assert.equal(routes(state)['203.0.113.9/32'], undefined)
  })

  test('two nodes with one tunnel address: said; it is whose IPAM says, and the other waits', () => {
    const thief = node('far', '198.51.100.3/24', { ipv4VXLANTunnelAddr: '10.0.0.65' })
    const given = block('10.0.0.64/26', 'near', [{ at: 1, node: 'near', type: 'vxlanTunnelAddress' }])
    const state = new Map([...cluster(pool('p', '10.0.0.0/16', ALWAYS), given), thief])
    assert.deepEqual(notices(state), ['VXLAN tunnel address 10.0.0.65 is of Nodes near, far: it counts for near'])
    assert.equal(routes(state)['10.0.0.64/26'], 'vxlan 10.0.0.65')
    assert.equal(routes(state)['10.0.0.128/26'], undefined)
  })

  test('another node with our tunnel address: ours when IPAM says so, else the first by name has it', () => {
    const thief = node('far', '198.51.100.3/24', { ipv4VXLANTunnelAddr: '10.0.0.1' })
    const given = block('10.0.0.0/26', 'here', [{ at: 1, node: 'here', type: 'vxlanTunnelAddress' }])
    const state = new Map([...cluster(pool('p', '10.0.0.0/16', ALWAYS)), thief])
    assert.equal(walk([state]).tunnels.get('vxlan')?.address, undefined)
    assert.equal(walk([new Map([...state, given])]).tunnels.get('vxlan')?.address, '10.0.0.1')
  })

  test('a pool that was changed to another IP version takes its routes along and nothing else', () => {
    const before = cluster(
      pool('p', '10.0.0.0/16', ALWAYS),
      pool('q', '10.1.0.0/16', ALWAYS),
      block('10.1.0.0/26', 'near'),
    )
    const after = new Map([...before, pool('p', 'fd00::/64', { ...ALWAYS, blockSize: 122 })])
    const receiver = walk([before, after])
    assert.deepEqual([...receiver.routes.keys()], ['10.1.0.0/26'])
    assert.ok(receiver.tunnels.has('vxlan'))
    assert.ok([...receiver.notices.values()].includes('Node here has no IPv6 address: it takes no part in IPv6 VXLAN'))
  })

  test('a pool that no version allows counts as missing', () => {
    const state = cluster(pool('p', 'fd00::/64', { ipipMode: 'Always' }))
    assert.deepEqual([...walk([state]).pools.keys()], [])
  })

  const bgp = (value: string | undefined): [string, string] =>
    stored('bgpconfigurations', 'default', { programClusterRoutes: value })
  const switches: [felix: typeof CONFIG, bird: string | undefined, words: RegExp | undefined][] = [
    [CONFIG, undefined, undefined],
    [CONFIG, 'Enabled', undefined],
    [CONFIG, 'Disabled', /nobody/],
    [plain, 'Disabled', undefined],
    [plain, 'Enabled', /twice/],
    [plain, undefined, /twice/],
  ]
  for (const [felix, bird, words] of switches) {
    test(`programClusterRoutes ${felix.ProgramClusterRoutes} here and ${bird ?? 'unset'} for BIRD: ${words ? 'said' : 'fine'}`, () => {
      const said = notices(cluster(pool('p', '10.0.0.0/16', {}), bgp(bird)), felix)
      assert.equal(said.length, words === undefined ? 0 : 1)
      if (words !== undefined) assert.match(said[0] ?? '', words)
    })
  }
})

test('linkLocalOf() gives what the kernel gives the device', () => {
  assert.equal(linkLocalOf(parseMac('66:e5:e2:a9:51:86')), 'fe80::64e5:e2ff:fea9:5186')
  assert.equal(linkLocalOf(parseMac('02:00:00:00:00:01')), 'fe80::ff:fe00:1')
})

test('tunnelMac() gives what every other implementation gives', () => {
  assert.equal(tunnelMac(parseNodeName('remotehostname'), 4), '66:3e:ca:a4:db:65')
  assert.notEqual(tunnelMac(parseNodeName('remotehostname'), 6), '66:3e:ca:a4:db:65')
})
