import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { makeResource, parseBigJson, parseCidr, parseIp, printBigJson, workloadEndpointName } from '@calico-node/model'
import { assignAll, makeCluster, NODE_A, type Cluster } from '../cluster-fixture.test.ts'
import { checkIpam } from './check-ipam.ts'
import type { ProblemKind } from './problem.ts'

const BLOCK = '/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-30'
const AFFINITY = '/calico/ipam/v2/host/node-a/ipv4/block/10.0.0.0-30'
const HANDLE = '/calico/ipam/v2/handle/h'

/** One block with two addresses of handle `h`, which two endpoints use: nothing is wrong with it. */
async function sound(): Promise<Cluster> {
  const cluster = await makeCluster({ pool: { cidr: '10.0.0.0/24', blockSize: 30 } })
  for (const ip of ['10.0.0.0', '10.0.0.1']) {
    await cluster.ipam.assignIp({ node: NODE_A, ip: parseIp(ip), handle: 'h' })
    await use(cluster, ip)
  }
  return cluster
}

async function use({ client }: Cluster, ip: string, workload = `w${ip.replaceAll('.', '-')}`): Promise<void> {
  const identity = { node: 'node-a', orchestrator: 'docker', workload, endpoint: 'eth0' }
  await client
    .resources('WorkloadEndpoint')
    .create(
      makeResource(
        'WorkloadEndpoint',
        { name: workloadEndpointName(identity), namespace: 'default' },
        { ...identity, interfaceName: 'cali1', ipNetworks: [`${ip}/32`], profiles: [] },
      ),
    )
}

const rewrite = async (
  { store }: Cluster,
  key: string,
  change: (value: Record<string, unknown>) => void,
): Promise<void> => {
  const value = Object(parseBigJson((await store.get(key))?.value ?? ''))
  change(value)
  await store.put(key, printBigJson(value))
}
const block = (change: (value: Record<string, unknown>) => void) => (cluster: Cluster) =>
  rewrite(cluster, BLOCK, change)

test('a sound tree has no problems, and the report says what there is', async () => {
  const cluster = await sound()
  const { problems, allocations, leakedHandles, counts } = await checkIpam(cluster.client)
  assert.deepEqual(problems, [])
  assert.deepEqual(leakedHandles, [])
  assert.deepEqual(counts, { pools: 1, blocks: 1, handles: 1, endpoints: 2, nodes: 2, addressesInUse: 2 })
  assert.deepEqual(
    allocations.map(({ ip, handle, users, borrowed }) => ({ ip, handle, users, borrowed })),
    [
      { ip: '10.0.0.0', handle: 'h', users: ['endpoint default/node--a-docker-w10--0--0--0-eth0'], borrowed: false },
      { ip: '10.0.0.1', handle: 'h', users: ['endpoint default/node--a-docker-w10--0--0--1-eth0'], borrowed: false },
    ],
  )
})

describe('a tree is found out when', () => {
  const cases: [why: string, damage: (cluster: Cluster) => Promise<unknown>, expected: [ProblemKind, string][]][] = [
    [
      'a block is no JSON',
      ({ store }) => store.put('/calico/ipam/v2/assignment/ipv4/block/10.0.0.8-30', '{'),
      [['record-malformed', '/calico/ipam/v2/assignment/ipv4/block/10.0.0.8-30']],
    ],
    [
      'a block stands under the key of another',
      async ({ store }) => {
        await store.put('/calico/ipam/v2/assignment/ipv4/block/10.0.0.8-30', (await store.get(BLOCK))?.value ?? '')
      },
      [['record-malformed', '/calico/ipam/v2/assignment/ipv4/block/10.0.0.8-30']],
    ],
    [
      'a key is none of IPAM',
      ({ store }) => store.put('/calico/ipam/v2/blocks', '{}'),
      [['record-malformed', '/calico/ipam/v2/blocks']],
    ],
    [
      'two blocks overlap',
      ({ ipam }) => ipam.claimBlock(NODE_A, parseCidr('10.0.0.0/31')),
      [
        ['block-overlap', '10.0.0.0/31'],
        ['block-size', '10.0.0.0/31'],
      ],
    ],
    [
      'a block has another size than its pool',
      ({ ipam }) => ipam.claimBlock(NODE_A, parseCidr('10.0.0.128/26')),
      [['block-size', '10.0.0.128/26']],
    ],
    [
      'a block is in no pool',
      ({ ipam }) => ipam.claimBlock(NODE_A, parseCidr('10.9.0.0/30')),
      [['block-without-pool', '10.9.0.0/30']],
    ],
    [
      'a free address is not listed',
      block((value) => {
        value['unallocated'] = [3]
      }),
      [['block-inconsistent', '10.0.0.0/30']],
    ],
    [
      'a used address is listed as free',
      block((value) => {
        value['unallocated'] = [2, 3, 0]
      }),
      [['block-inconsistent', '10.0.0.0/30']],
    ],
    [
      'an address is listed twice',
      block((value) => {
        value['unallocated'] = [2, 3, 3]
      }),
      [['block-inconsistent', '10.0.0.0/30']],
    ],
    [
      'a sequence number is of the future',
      block((value) => {
        value['sequenceNumberForAllocation'] = { 0: 1_800_000_000_000_000_000n }
      }),
      [['block-inconsistent', '10.0.0.0/30']],
    ],
    [
      'an attribute is left over',
      block((value) => {
        value['attributes'] = [...Object(value['attributes']), {}]
      }),
      [['attribute-unused', '10.0.0.0/30']],
    ],
    [
      'an allocation does not name its node',
      block((value) => {
        value['attributes'] = [{ handle_id: 'h', secondary: {} }]
      }),
      [
        ['node-unknown', '10.0.0.0'],
        ['node-unknown', '10.0.0.1'],
      ],
    ],
    [
      'the owner has no record of its block',
      ({ store }) => store.delete(AFFINITY),
      [['affinity-missing', '10.0.0.0/30']],
    ],
    [
      'a claim was left half-way',
      ({ store }) => store.put(AFFINITY, '{"state":"pending"}'),
      [['affinity-unsettled', '10.0.0.0/30']],
    ],
    [
      'two nodes have a record of a block',
      ({ store }) => store.put(AFFINITY.replace('node-a', 'node-b'), '{"state":"confirmed"}'),
      [['affinity-stale', '10.0.0.0/30']],
    ],
    [
      'a node has a record of no block',
      ({ store }) => store.put('/calico/ipam/v2/host/node-b/ipv4/block/10.0.0.64-30', ''),
      [['affinity-stale', '10.0.0.64/30']],
    ],
    ['a handle has no record', ({ store }) => store.delete(HANDLE), [['handle-short', 'h']]],
    [
      'a handle counts too few',
      ({ store }) => store.put(HANDLE, '{"block":{"10.0.0.0/30":1}}'),
      [['handle-short', 'h']],
    ],
    [
      'a handle counts too many',
      ({ store }) => store.put(HANDLE, '{"block":{"10.0.0.0/30":2,"10.0.0.4/30":1}}'),
      [['handle-excess', 'h']],
    ],
    [
      'a handle holds nothing',
      ({ store }) => store.put('/calico/ipam/v2/handle/idle', '{"block":{"10.0.0.0/30":1}}'),
      [['handle-leaked', 'idle']],
    ],
    [
      'an address is assigned and not used',
      ({ ipam }) => assignAll(ipam, NODE_A, 1, 'lost'),
      [['address-leaked', '10.0.0.2']],
    ],
    [
      'an address is used and not assigned',
      (cluster) => use(cluster, '10.0.0.3'),
      [['address-unassigned', '10.0.0.3']],
    ],
    [
      'an address is used outside every pool',
      (cluster) => use(cluster, '192.0.2.1'),
      [['address-outside', '192.0.2.1']],
    ],
    ['an address is used twice', (cluster) => use(cluster, '10.0.0.1', 'twin'), [['address-shared', '10.0.0.1']]],
    [
      'a tunnel uses an address that is not assigned',
      ({ client }) =>
        client.resources('Node').modify('node-b', undefined, (node) => ({
          ...node,
          spec: { ...node.spec, ...makeResource('Node', { name: 'x' }, { ipv4VXLANTunnelAddr: '10.0.0.3' }).spec },
        })),
      [['address-unassigned', '10.0.0.3']],
    ],
  ]
  for (const [why, damage, expected] of cases) {
    test(why, async () => {
      const cluster = await sound()
      await damage(cluster)
      const { problems } = await checkIpam(cluster.client)
      assert.deepEqual(
        problems.map(({ kind, subject }) => [kind, subject]),
        expected,
        JSON.stringify(problems, undefined, 1),
      )
    })
  }

  test('a handle leaked, with the revision to delete it by', async () => {
    const cluster = await sound()
    const { modRevision } = await cluster.store.put('/calico/ipam/v2/handle/idle', '{"block":{}}')
    assert.deepEqual((await checkIpam(cluster.client)).leakedHandles, [{ handle: 'idle', modRevision }])
  })
})
