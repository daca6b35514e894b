import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr, parseIp } from '@calico-node/model'
import { makeCluster, NODE_A, NODE_B, reserve } from './cluster-fixture.test.ts'

test('usage() counts addresses in use, kept back and free, and says who borrowed', async () => {
  const cluster = await makeCluster({ a: { cidr: '10.0.0.0/28', blockSize: 30 }, six: { cidr: 'fd00::/64' } })
  const { ipam } = cluster
  for (const [node, ip] of [
    [NODE_A, '10.0.0.0'],
    [NODE_A, '10.0.0.5'],
    [NODE_B, '10.0.0.6'],
  ] as const)
    await ipam.assignIp({ node, ip: parseIp(ip) })
  await ipam.claimBlock(NODE_A, parseCidr('10.9.0.0/30'))
  await reserve(cluster, '10.0.0.4/31', '10.0.0.12/30')
  const { pools, stray, borrowed } = await ipam.usage()
  const figures = pools.map(({ name, cidr, total, inUse, reserved, free }) => ({
    name,
    cidr,
    total,
    inUse,
    reserved,
    free,
  }))
  assert.deepEqual(figures, [
    { name: 'a', cidr: '10.0.0.0/28', total: 16n, inUse: 3n, reserved: 5n, free: 8n },
    { name: 'six', cidr: 'fd00::/64', total: 2n ** 64n, inUse: 0n, reserved: 0n, free: 2n ** 64n },
  ])
  assert.deepEqual(pools[0]?.blocks, [
    { cidr: '10.0.0.0/30', affinity: 'host:node-a', total: 4n, inUse: 1n, reserved: 0n, free: 3n },
    { cidr: '10.0.0.4/30', affinity: 'host:node-a', total: 4n, inUse: 2n, reserved: 1n, free: 1n },
  ])
  assert.deepEqual(
    stray.map(({ cidr }) => cidr),
    ['10.9.0.0/30'],
  )
  assert.deepEqual(
    borrowed.map(({ ip, block, blockOwner, borrower }) => ({ ip, block, blockOwner, borrower })),
    [{ ip: '10.0.0.6', block: '10.0.0.4/30', blockOwner: 'host:node-a', borrower: 'node-b' }],
  )
})
