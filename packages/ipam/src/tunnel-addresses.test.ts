import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import { makeResource, parseCidr, parseIp, type NodeResource, type SpecInput } from '@calico-node/model'
import { assignAll, faults, makeCluster, NODE_A, records, type Cluster } from './cluster-fixture.test.ts'
import {
  planTunnel,
  TUNNEL_KINDS,
  tunnelAddress,
  tunnelHandle,
  type TunnelKind,
  type TunnelState,
  type TunnelStep,
} from './tunnel-plan.ts'
import type { Allocation } from './block.ts'

const POOLS = {
  ipip: { cidr: '10.0.0.0/24', ipipMode: 'Always' },
  vxlan: { cidr: '10.1.0.0/24', vxlanMode: 'CrossSubnet' },
  six: { cidr: 'fd00::/64', vxlanMode: 'Always' },
  plain: { cidr: '10.2.0.0/24' },
} as const

const addresses = (node: NodeResource): Partial<Record<TunnelKind, string>> =>
  Object.fromEntries(
    TUNNEL_KINDS.flatMap((kind) => {
      const ip = tunnelAddress(kind, node)
      return ip === undefined ? [] : [[kind, ip]]
    }),
  )

const changePool = ({ client }: Cluster, name: string, change: SpecInput<'IPPool'>): Promise<unknown> =>
  client.resources('IPPool').modify(name, undefined, (pool) => ({
    ...pool,
    spec: { ...pool.spec, ...makeResource('IPPool', { name }, change).spec },
  }))

const setNode = ({ client }: Cluster, spec: SpecInput<'Node'>, status: NodeResource['status'] = {}): Promise<unknown> =>
  client
    .resources('Node')
    .modify(NODE_A, undefined, (node) => ({ ...node, status, spec: makeResource('Node', { name: NODE_A }, spec).spec }))

describe('planTunnel()', () => {
  const ip = parseIp('10.0.0.5')
  const held = (handle: string | undefined, attributes: Record<string, string>): Allocation => {
    return { ip, ordinal: 5, handle, attributes, sequence: 1n }
  }
  const settled: TunnelState = {
    tunnel: 'ipip',
    node: NODE_A,
    pools: [parseCidr('10.0.0.0/24')],
    current: ip,
    holder: held(tunnelHandle('ipip', NODE_A), { node: NODE_A, type: 'ipipTunnelAddress' }),
  }
  const vxlan = held('vxlan-tunnel-addr-node-a', { node: NODE_A, type: 'vxlanTunnelAddress' })
  const other = held('ipip-tunnel-addr-node-b', { node: 'node-b', type: 'ipipTunnelAddress' })
  const cases: [why: string, change: Partial<TunnelState>, expected: TunnelStep][] = [
    ['ours and in a pool', {}, { kind: 'keep', ip }],
    ['ours and no pool calls for it', { pools: [] }, { kind: 'none' }],
    ['ours and in another pool', { pools: [parseCidr('10.9.0.0/24')] }, { kind: 'assign' }],
    ['nothing', { current: undefined, holder: undefined }, { kind: 'assign' }],
    ['not assigned', { holder: undefined }, { kind: 'assign' }],
    ['of a time before handles', { holder: held(undefined, {}) }, { kind: 'adopt', ip }],
    ['of another tunnel', { holder: vxlan }, { kind: 'assign' }],
    ['of another node', { holder: other }, { kind: 'assign' }],
    ['of a workload', { holder: held('net1.c1', { node: NODE_A }) }, { kind: 'assign' }],
  ]
  for (const [why, change, expected] of cases) {
    test(`an address that is ${why}: ${expected.kind}`, () =>
      assert.deepEqual(planTunnel({ ...settled, ...change }), expected))
  }
})

describe('ensureTunnelAddresses()', () => {
  test('gives an address for each tunnel that a pool calls for, in one update, and then leaves it', async () => {
    const cluster = await makeCluster(POOLS)
    const node = await cluster.ipam.ensureTunnelAddresses(NODE_A)
    const given = addresses(node)
    assert.deepEqual(Object.keys(given).toSorted(), ['ipip', 'vxlan', 'vxlanV6'])
    assert.match(given.ipip ?? '', /^10\.0\.0\./)
    assert.match(given.vxlan ?? '', /^10\.1\.0\./)
    assert.match(given.vxlanV6 ?? '', /^fd00::/)
    assert.deepEqual((await cluster.ipam.findHolder(parseIp(given.ipip ?? '')))?.attributes, {
      node: 'node-a',
      type: 'ipipTunnelAddress',
    })
    assert.deepEqual(Object.keys((await records(cluster)).handles), [
      'ipip-tunnel-addr-node-a',
      'vxlan-tunnel-addr-node-a',
      'vxlan-v6-tunnel-addr-node-a',
    ])
    const { revision } = await cluster.store.list('')
    assert.deepEqual(await cluster.ipam.ensureTunnelAddresses(NODE_A), node)
    assert.equal((await cluster.store.list('')).revision, revision)
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('takes addresses back when no pool calls for them, and the parts of the Node that then say nothing', async () => {
    const cluster = await makeCluster(POOLS)
    await cluster.ipam.ensureTunnelAddresses(NODE_A)
    for (const [name, { cidr }] of Object.entries(POOLS))
      await changePool(cluster, name, { cidr, ipipMode: 'Never', vxlanMode: 'Never' })
    const node = await cluster.ipam.ensureTunnelAddresses(NODE_A)
    assert.deepEqual(addresses(node), {})
    assert.equal(node.spec.bgp, undefined)
    assert.deepEqual((await records(cluster)).handles, {})
  })

  test('moves to another pool and releases the old address after the Node names the new one', async () => {
    const cluster = await makeCluster(POOLS)
    const before = addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A)).ipip
    await changePool(cluster, 'ipip', { cidr: '10.0.0.0/24', ipipMode: 'Always', disabled: true })
    await changePool(cluster, 'plain', { cidr: '10.2.0.0/24', ipipMode: 'Always' })
    assert.match(addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A)).ipip ?? '', /^10\.2\.0\./)
    assert.equal(await cluster.ipam.findHolder(parseIp(before ?? '')), undefined)
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('heals after a crash between the assignment and the update of the Node', async () => {
    const cluster = await makeCluster({ ipip: POOLS.ipip })
    await assignAll(cluster.ipam, NODE_A, 1, tunnelHandle('ipip', NODE_A))
    const { ipip } = addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A))
    assert.deepEqual(await cluster.ipam.ipsByHandle(tunnelHandle('ipip', NODE_A)), [ipip])
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('adopts the address of a time before handles, and spares what belongs to somebody else', async () => {
    const cluster = await makeCluster({ ipip: POOLS.ipip })
    await assignAll(cluster.ipam, NODE_A, 1, 'net1.c1')
    const [taken] = await cluster.ipam.ipsByHandle('net1.c1')
    await setNode(cluster, { bgp: { ipv4IPIPTunnelAddr: taken ?? '' } })
    const { ipip } = addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A))
    assert.notEqual(ipip, taken)
    assert.deepEqual(await cluster.ipam.ipsByHandle('net1.c1'), [taken])
  })

  test('gives WireGuard addresses to a node with a key, unless it encrypts for the host too', async () => {
    const cluster = await makeCluster({ plain: POOLS.plain, six: { cidr: 'fd00::/64' } })
    assert.deepEqual(addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A)), {})
    await setNode(cluster, {}, { wireguardPublicKey: 'k', wireguardPublicKeyV6: 'k' })
    assert.deepEqual(Object.keys(addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A))), [
      'wireguard',
      'wireguardV6',
    ])
    const node = await cluster.ipam.ensureTunnelAddresses(NODE_A, { wireguardHostEncryption: true })
    assert.equal(node.spec.wireguard, undefined)
  })

  test('needs a pool that selects the node and allows the use', async () => {
    const cluster = await makeCluster({
      a: { ...POOLS.ipip, nodeSelector: 'rack == "r1"' },
      b: { ...POOLS.vxlan, allowedUses: ['Workload'] },
    })
    assert.deepEqual(addresses(await cluster.ipam.ensureTunnelAddresses(NODE_A)), {})
  })

  test('releases what it took when it cannot finish', async () => {
    const cluster = await makeCluster({
      ipip: POOLS.ipip,
      vxlan: { cidr: '10.1.0.0/32', blockSize: 32, vxlanMode: 'Always' },
    })
    await cluster.ipam.assignIp({ node: NODE_A, ip: parseIp('10.1.0.0'), handle: 'other' })
    await assert.rejects(
      cluster.ipam.ensureTunnelAddresses(NODE_A),
      (err) => err instanceof CalicoError && err.code === 'EXHAUSTED',
    )
    assert.deepEqual(Object.keys((await records(cluster)).handles), ['other'])
    assert.deepEqual(addresses(await cluster.client.resources('Node').get(NODE_A)), {})
  })
})
