import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import { parseCidr, parseIp, type SpecInput } from '@calico-node/model'
import type { AutoAssignRequest } from './auto-assign.ts'
import {
  assignAll,
  EPOCH,
  faults,
  makeCluster,
  NODE_A,
  NODE_B,
  records,
  reserve,
  type Cluster,
} from './cluster-fixture.test.ts'

const ask = (more: Partial<AutoAssignRequest> = {}): AutoAssignRequest => ({
  node: NODE_A,
  version: 4,
  use: 'Workload',
  ...more,
})

describe('the first address of a node', () => {
  test('comes from a block that is claimed for it, and is written down everywhere', async () => {
    const cluster = await makeCluster({ 'pool-a': { cidr: '10.0.0.0/30', blockSize: 30 } })
    const { ips } = await cluster.ipam.autoAssign(ask({ handle: 'net1.c1', attributes: { timestamp: 't', pod: 'p' } }))
    assert.deepEqual(
      ips.map(({ text }) => text),
      ['10.0.0.0/30'],
    )
    assert.deepEqual(await records(cluster), {
      blocks: {
        '10.0.0.0/30': {
          cidr: '10.0.0.0/30',
          affinity: 'host:node-a',
          allocations: [0, null, null, null],
          unallocated: [1, 2, 3],
          attributes: [{ handle_id: 'net1.c1', secondary: { node: 'node-a', timestamp: 't', pod: 'p' } }],
          sequenceNumber: EPOCH + 1n,
          sequenceNumberForAllocation: { 0: EPOCH },
          deleted: false,
        },
      },
      affinities: ['node-a 10.0.0.0/30: confirmed'],
      handles: { 'net1.c1': { '10.0.0.0/30': 1 } },
    })
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('without a handle carries a timestamp, which tells it from every other', async () => {
    const cluster = await makeCluster()
    const [ip] = (await cluster.ipam.autoAssign(ask())).ips
    const holder = await cluster.ipam.findHolder(ip?.ip ?? assert.fail())
    assert.deepEqual(holder?.attributes, { node: 'node-a', timestamp: '2024-05-01 10:00:00.123456789 +0000 UTC' })
  })

  test('is refused under a handle that would be another key', async () => {
    const { ipam } = await makeCluster()
    for (const handle of ['', 'a/b']) await assert.rejects(ipam.autoAssign(ask({ handle })), { code: 'INVALID' })
  })

  test('of a load balancer belongs to no node', async () => {
    const cluster = await makeCluster({ lb: { cidr: '10.0.0.0/26', allowedUses: ['LoadBalancer'] } })
    await cluster.ipam.autoAssign(ask({ use: 'LoadBalancer', handle: 'lb', attributes: { service: 'web' } }))
    const { blocks, affinities } = await records(cluster)
    assert.deepEqual(blocks['10.0.0.0/26']?.attributes, [{ handle_id: 'lb', secondary: { service: 'web' } }])
    assert.deepEqual((await cluster.ipam.usage()).borrowed, [])
    assert.equal(blocks['10.0.0.0/26']?.affinity, 'virtual:load-balancer')
    assert.deepEqual(affinities, ['load-balancer 10.0.0.0/26: confirmed'])
  })
})

test('each IP version has its own blocks, of every size', async () => {
  const sizes: [version: 4 | 6, pool: string, blockSize: number][] = [
    [4, '10.0.0.0/16', 20],
    [4, '10.0.0.0/16', 26],
    [4, '10.0.0.0/16', 32],
    [6, 'fd00::/48', 116],
    [6, 'fd00::/48', 122],
    [6, 'fd00::/48', 128],
  ]
  for (const [version, cidr, blockSize] of sizes) {
    const cluster = await makeCluster({ pool: { cidr, blockSize } })
    const { ips } = await cluster.ipam.autoAssign(ask({ version, count: 3, handle: 'h' }))
    assert.deepEqual(
      ips.map(({ prefixLength }) => prefixLength),
      [blockSize, blockSize, blockSize],
    )
    assert.equal(new Set(ips.map(({ ip }) => ip)).size, 3)
    const { handles } = await records(cluster)
    assert.equal(Object.keys(handles['h'] ?? {}).length, blockSize === 32 || blockSize === 128 ? 3 : 1)
    assert.deepEqual(await faults(cluster.client), [])
  }
})

test('a node fills its blocks before it claims another', async () => {
  const cluster = await makeCluster()
  const first = await assignAll(cluster.ipam, NODE_A, 64)
  const second = await assignAll(cluster.ipam, NODE_A, 1)
  const { affinities } = await records(cluster)
  assert.equal(affinities.length, 2)
  assert.equal(new Set([...first, ...second]).size, 65)
  assert.deepEqual(await assignAll(cluster.ipam, NODE_B, 1).then((ips) => first.includes(ips[0] ?? '')), false)
})

describe('pools', () => {
  const two = (a: Partial<SpecInput<'IPPool'>>, b: Partial<SpecInput<'IPPool'>> = {}): Promise<Cluster> =>
    makeCluster(
      { 'pool-a': { cidr: '10.0.0.0/24', ...a }, 'pool-b': { cidr: '10.1.0.0/24', ...b } },
      { labels: { rack: 'r1' } },
    )
  const cases: [
    why: string,
    a: Partial<SpecInput<'IPPool'>>,
    b: Partial<SpecInput<'IPPool'>>,
    request: Partial<AutoAssignRequest>,
    from: string | RegExp,
  ][] = [
    ['are tried in the order of their names', {}, {}, {}, '10.0.0.'],
    ['that are disabled give nothing', { disabled: true }, {}, {}, '10.1.0.'],
    ['that select other nodes give nothing', { nodeSelector: 'rack == "r2"' }, {}, {}, '10.1.0.'],
    ['that are manual give nothing unasked', { assignmentMode: 'Manual' }, {}, {}, '10.1.0.'],
    [
      'that select other namespaces give nothing',
      { namespaceSelector: 'team == "x"' },
      {},
      { namespaceLabels: { team: 'y' } },
      '10.1.0.',
    ],
    [
      'that select the namespace give',
      { namespaceSelector: 'team == "x"' },
      {},
      { namespaceLabels: { team: 'x' } },
      '10.0.0.',
    ],
    [
      'that select namespaces give nothing to a workload without one',
      { namespaceSelector: 'has(team)' },
      {},
      {},
      '10.1.0.',
    ],
    ['for other uses give nothing', { allowedUses: ['Tunnel'] }, {}, {}, '10.1.0.'],
    [
      'that are asked for need not select the node',
      {},
      { nodeSelector: 'rack == "r2"', assignmentMode: 'Manual', namespaceSelector: 'has(x)' },
      { pools: [parseCidr('10.1.0.0/24')] },
      '10.1.0.',
    ],
    [
      'that are asked for must allow the use',
      {},
      { allowedUses: ['Tunnel'] },
      { pools: [parseCidr('10.1.0.0/24')] },
      /NOT_FOUND.* allows the use Workload/,
    ],
    [
      'that are asked for must be enabled',
      {},
      { disabled: true },
      { pools: [parseCidr('10.1.0.0/24')] },
      /INVALID.*not an enabled IP pool/,
    ],
    ['that are asked for must exist', {}, {}, { pools: [parseCidr('10.1.0.0/25')] }, /INVALID.*not an enabled IP pool/],
    [
      'may all be disabled',
      { disabled: true },
      { disabled: true },
      {},
      /NOT_FOUND.*no pool of this IP version is enabled/,
    ],
    [
      'may all select other nodes',
      { nodeSelector: 'rack == "r2"' },
      { nodeSelector: '!all()' },
      {},
      /NOT_FOUND.*node-a: no configured pool selects it/,
    ],
    ['may be of the other IP version', {}, {}, { version: 6 }, /NOT_FOUND.*IPv6/],
  ]
  for (const [why, a, b, request, from] of cases) {
    test(why, async () => {
      const { ipam } = await two(a, b)
      const outcome = await ipam.autoAssign(ask(request)).then(
        ({ ips }) => ips[0]?.ip ?? 'none',
        (err: unknown) => (err instanceof CalicoError ? `${err.code}: ${err.message}` : String(err)),
      )
      if (typeof from === 'string') assert.equal(outcome.startsWith(from), true, outcome)
      else assert.match(outcome, from)
    })
  }

  test('need a node that exists', async () => {
    const { ipam, client } = await makeCluster()
    await client.resources('Node').delete(NODE_A)
    await assert.rejects(ipam.autoAssign(ask()), { code: 'NOT_FOUND' })
  })

  test('that stop selecting a node get back the blocks that it does not need', async () => {
    const cluster = await two({}, {})
    await cluster.ipam.assignIp({ node: NODE_A, ip: parseIp('10.0.0.1') })
    await cluster.ipam.claimBlock(NODE_A, parseCidr('10.0.0.64/26'))
    await cluster.client
      .resources('IPPool')
      .modify('pool-a', undefined, (pool) => ({ ...pool, spec: { ...pool.spec, nodeSelector: 'rack == "r2"' } }))
    const [ip] = await assignAll(cluster.ipam, NODE_A, 1)
    assert.match(ip ?? '', /^10\.1\.0\./)
    const pool = (): Promise<string[]> =>
      records(cluster).then(({ affinities }) => affinities.filter((each) => each.includes(' 10.0.')))
    assert.deepEqual(await pool(), ['node-a 10.0.0.0/26: confirmed'])
    await cluster.ipam.releaseIps([{ ip: parseIp('10.0.0.1') }])
    assert.deepEqual(await pool(), [])
    assert.deepEqual(await faults(cluster.client), [])
  })
})

describe('reservations', () => {
  test('keep addresses back, and whole blocks from being claimed', async () => {
    const cluster = await makeCluster({ pool: { cidr: '10.0.0.0/28', blockSize: 30 } })
    await reserve(cluster, '10.0.0.0/29', '10.0.0.8', '10.0.0.12/31')
    const { ips, shortfall } = await cluster.ipam.autoAssign(ask({ count: 16 }))
    assert.deepEqual(ips.map(({ ip }) => ip).toSorted(), [
      '10.0.0.10',
      '10.0.0.11',
      '10.0.0.14',
      '10.0.0.15',
      '10.0.0.9',
    ])
    assert.equal(shortfall?.code, 'EXHAUSTED')
    assert.deepEqual(Object.keys((await records(cluster)).blocks), ['10.0.0.12/30', '10.0.0.8/30'])
  })

  test('of a whole pool leave nothing, even of a vast one', async () => {
    const cluster = await makeCluster({ pool: { cidr: 'fd00::/48' } })
    await reserve(cluster, 'fd00::/47')
    const { ips, shortfall } = await cluster.ipam.autoAssign(ask({ version: 6 }))
    assert.deepEqual(ips, [])
    assert.match(shortfall?.message ?? '', /no free address left/)
  })

  test('do not bind those who name an address', async () => {
    const cluster = await makeCluster()
    await reserve(cluster, '10.0.0.0/24')
    await cluster.ipam.assignIp({ node: NODE_A, ip: parseIp('10.0.0.9') })
    assert.equal((await cluster.ipam.findHolder(parseIp('10.0.0.9')))?.attributes['node'], 'node-a')
  })
})

describe('limits', () => {
  const small = () => makeCluster({ pool: { cidr: '10.0.0.0/29', blockSize: 31 } })
  const cases: [
    why: string,
    config: { strictAffinity?: boolean; maxBlocksPerHost?: number; autoAllocateBlocks?: boolean },
    max: number | undefined,
    got: number,
    reason: RegExp | undefined,
  ][] = [
    ['the pool itself', {}, undefined, 8, /no free address left/],
    ['of the request', {}, 2, 4, /has 2 blocks and may have 2/],
    ['of the configuration', { strictAffinity: true, maxBlocksPerHost: 3 }, undefined, 6, /may have 3/],
    [
      'of the configuration, when the request asks for more',
      { strictAffinity: true, maxBlocksPerHost: 1 },
      3,
      2,
      /may have 1/,
    ],
    [
      'of the request, when the configuration allows more',
      { strictAffinity: true, maxBlocksPerHost: 3 },
      1,
      2,
      /may have 1/,
    ],
    ['no new blocks at all', { strictAffinity: true, autoAllocateBlocks: false }, undefined, 0, /may not claim others/],
    ['strict affinity in a pool without free blocks', { strictAffinity: true }, undefined, 8, /affinity is strict/],
  ]
  for (const [why, config, maxBlocksPerHost, got, reason] of cases) {
    test(why, async () => {
      const cluster = await small()
      await cluster.ipam.configure(config)
      const { ips, shortfall } = await cluster.ipam.autoAssign(
        ask({ count: 9, ...(maxBlocksPerHost !== undefined && { maxBlocksPerHost }) }),
      )
      assert.equal(ips.length, got)
      assert.match(shortfall?.message ?? '', reason ?? /^$/)
      assert.deepEqual(await faults(cluster.client), [])
    })
  }

  test('without any a node has at most 20 blocks', async () => {
    const { ipam } = await makeCluster({ pool: { cidr: '10.0.0.0/24', blockSize: 32 } })
    const { ips, shortfall } = await ipam.autoAssign(ask({ count: 25 }))
    assert.equal(ips.length, 20)
    assert.match(shortfall?.message ?? '', /has 20 blocks and may have 20/)
  })
})

describe('borrowing', () => {
  test('takes from the blocks of others when the pool has none left, and says which node it is for', async () => {
    const cluster = await makeCluster({ pool: { cidr: '10.0.0.0/29', blockSize: 30 } })
    await assignAll(cluster.ipam, NODE_A, 5)
    const borrowed = await assignAll(cluster.ipam, NODE_B, 3, 'b')
    assert.equal(new Set(borrowed).size, 3)
    const { blocks } = await records(cluster)
    assert.ok(Object.values(blocks).every(({ affinity }) => affinity === 'host:node-a'))
    const seen = (await cluster.ipam.usage()).borrowed.map(
      ({ ip, borrower, blockOwner }) => `${ip} ${borrower} ${blockOwner}`,
    )
    assert.deepEqual(seen.toSorted(), borrowed.map((ip) => `${ip} node-b host:node-a`).toSorted())
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('does not happen under strict affinity', async () => {
    const cluster = await makeCluster({ pool: { cidr: '10.0.0.0/30', blockSize: 30 } })
    await cluster.ipam.configure({ strictAffinity: true })
    await assignAll(cluster.ipam, NODE_A, 1)
    const { ips, shortfall } = await cluster.ipam.autoAssign(ask({ node: NODE_B }))
    assert.deepEqual(ips, [])
    assert.equal(shortfall?.code, 'EXHAUSTED')
  })
})

test('a block that cannot be read is left alone and not taken for free', async () => {
  const cluster = await makeCluster({ pool: { cidr: '10.0.0.0/29', blockSize: 30 } })
  await cluster.store.put(
    '/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30',
    '{"cidr":"10.0.0.0/30","allocations":[9]}',
  )
  const { ips } = await cluster.ipam.autoAssign(ask({ count: 8 }))
  assert.deepEqual(
    ips.map(({ ip }) => ip),
    ['10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.7'],
  )
  assert.deepEqual(
    (await faults(cluster.client)).map(({ kind, subject }) => [kind, subject]),
    [['record-malformed', '/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30']],
  )
})
