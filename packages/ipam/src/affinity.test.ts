import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  affinityKey,
  blockKey,
  encodeBlock,
  parseCidr,
  parseIp,
  type AffinityState,
  type IpamBlock,
} from '@calico-node/model'
import { assignAddress, newBlock } from './block.ts'
import { faults, makeCluster, NODE_A, NODE_B, records, type Cluster } from './cluster-fixture.test.ts'

const CIDR = parseCidr('10.0.0.0/26')
type Found = 'absent' | 'ours' | 'ours, in use' | 'theirs' | "nobody's"

function blockOf(found: Found): IpamBlock | undefined {
  const used = assignAddress(newBlock(CIDR, 'host:node-a', 1n), parseIp('10.0.0.5'), { attributes: { node: 'node-a' } })
  switch (found) {
    case 'absent':
      return undefined
    case 'ours':
      return newBlock(CIDR, 'host:node-a', 1n)
    case 'ours, in use':
      return used
    case 'theirs':
      return newBlock(CIDR, 'host:node-b', 1n)
    case "nobody's":
      return { ...used, affinity: null }
    default:
      return assert.fail()
  }
}

/** A cluster in which somebody died, or is about to act, at this point. */
async function stoppedAt(state: AffinityState | 'absent', found: Found): Promise<Cluster> {
  const cluster = await makeCluster()
  const block = blockOf(found)
  if (block !== undefined) await cluster.store.put(blockKey(CIDR), encodeBlock(block))
  if (state !== 'absent') await cluster.store.put(affinityKey(NODE_A, CIDR), JSON.stringify({ state, deleted: false }))
  return cluster
}

const after = async (cluster: Cluster): Promise<string> => {
  const { blocks, affinities } = await records(cluster)
  const block = blocks[CIDR]
  const owner = block === undefined ? 'no block' : (block.affinity ?? 'nobody')
  return `${owner}; ${affinities.map((each) => each.replace(` ${CIDR}`, '')).join(', ') || 'no affinity'}`
}

const STATES = ['absent', 'pending', 'confirmed', 'pendingDeletion'] as const

describe('claiming a block', () => {
  for (const state of STATES) {
    for (const found of ['absent', 'ours', 'ours, in use'] as const) {
      test(`succeeds with affinity ${state} and the block ${found}`, async () => {
        const cluster = await stoppedAt(state, found)
        assert.equal(await cluster.ipam.claimBlock(NODE_A, CIDR), true)
        assert.equal(await after(cluster), 'host:node-a; node-a: confirmed')
        assert.deepEqual(await faults(cluster.client), [])
      })
    }
    for (const found of ['theirs', "nobody's"] as const) {
      test(`fails with affinity ${state} and the block ${found}, and leaves no affinity`, async () => {
        const cluster = await stoppedAt(state, found)
        assert.equal(await cluster.ipam.claimBlock(NODE_A, CIDR), false)
        assert.equal(await after(cluster), `${found === 'theirs' ? 'host:node-b' : 'nobody'}; no affinity`)
      })
    }
  }

  test("writes nothing when the block is the node's and nothing is open", async () => {
    const cluster = await stoppedAt('confirmed', 'ours')
    const before = await cluster.store.list('')
    await cluster.ipam.claimBlock(NODE_A, CIDR)
    assert.equal((await cluster.store.list('')).revision, before.revision)
  })

  test('that somebody left half-way moves the sequence number, so that they cannot go on', async () => {
    const cluster = await stoppedAt('pendingDeletion', 'ours')
    await cluster.ipam.claimBlock(NODE_A, CIDR)
    assert.equal((await records(cluster)).blocks[CIDR]?.sequenceNumber, 2n)
  })

  test('takes an empty value of old data for a confirmed affinity', async () => {
    const cluster = await stoppedAt('absent', 'ours')
    await cluster.store.put(affinityKey(NODE_A, CIDR), '')
    const { revision } = await cluster.store.list('')
    assert.equal(await cluster.ipam.claimBlock(NODE_A, CIDR), true)
    assert.equal((await cluster.store.list('')).revision, revision)
  })
})

describe('releasing a block', () => {
  for (const state of STATES) {
    test(`deletes an empty one, with affinity ${state}`, async () => {
      const cluster = await stoppedAt(state, 'ours')
      await cluster.ipam.releaseBlock(NODE_A, CIDR, { mustBeEmpty: true })
      assert.equal(await after(cluster), 'no block; no affinity')
    })

    test(`leaves one in use to nobody, with affinity ${state}`, async () => {
      const cluster = await stoppedAt(state, 'ours, in use')
      await cluster.ipam.releaseBlock(NODE_A, CIDR, { mustBeEmpty: false })
      assert.equal(await after(cluster), 'nobody; no affinity')
      assert.equal((await cluster.ipam.findHolder(parseIp('10.0.0.5')))?.attributes['node'], 'node-a')
    })

    test(`refuses one in use when it must be empty, with affinity ${state}`, async () => {
      const cluster = await stoppedAt(state, 'ours, in use')
      await assert.rejects(cluster.ipam.releaseBlock(NODE_A, CIDR, { mustBeEmpty: true }), { code: 'IN_USE' })
      const kept = state === 'absent' ? 'no affinity' : `node-a: ${state === 'pendingDeletion' ? 'confirmed' : state}`
      assert.equal(await after(cluster), `host:node-a; ${kept}`)
    })

    test(`refuses that of another, and clears the stale record, with affinity ${state}`, async () => {
      const cluster = await stoppedAt(state, 'theirs')
      await assert.rejects(cluster.ipam.releaseBlock(NODE_A, CIDR, { mustBeEmpty: false }), {
        code: 'CONFLICT',
        message: /owner is host:node-b/,
      })
      assert.equal(await after(cluster), 'host:node-b; no affinity')
    })
  }

  test('clears a record without a block, and knows when there is neither', async () => {
    const cluster = await stoppedAt('pendingDeletion', 'absent')
    await cluster.ipam.releaseBlock(NODE_A, CIDR, { mustBeEmpty: true })
    assert.equal(await after(cluster), 'no block; no affinity')
    await assert.rejects(cluster.ipam.releaseBlock(NODE_A, CIDR, { mustBeEmpty: true }), { code: 'NOT_FOUND' })
  })

  test('of a node or a pool takes all of its blocks and names those that stay', async () => {
    const cluster = await makeCluster({ a: { cidr: '10.0.0.0/24' }, b: { cidr: 'fd00::/112' } })
    await cluster.ipam.assignIp({ node: NODE_A, ip: parseIp('10.0.0.5') })
    await cluster.ipam.claimBlock(NODE_A, parseCidr('10.0.0.64/26'))
    await cluster.ipam.claimBlock(NODE_B, parseCidr('10.0.0.128/26'))
    await cluster.ipam.claimBlock(NODE_A, parseCidr('fd00::/122'))
    assert.deepEqual(await cluster.ipam.releaseNode(NODE_A, { mustBeEmpty: true }), {
      released: ['10.0.0.64/26', 'fd00::/122'],
      inUse: ['10.0.0.0/26'],
    })
    assert.deepEqual(await cluster.ipam.releasePool(parseCidr('10.0.0.0/24'), { mustBeEmpty: false }), {
      released: ['10.0.0.0/26', '10.0.0.128/26'],
      inUse: [],
    })
    const { blocks, affinities } = await records(cluster)
    assert.deepEqual([Object.keys(blocks), affinities], [['10.0.0.0/26'], []])
  })
})

test('a pool in use says who uses it', async () => {
  const cluster = await makeCluster()
  const pool = parseCidr('10.0.0.0/24')
  await cluster.ipam.assertPoolUnused(pool)
  await cluster.ipam.assignIp({ node: NODE_A, ip: parseIp('10.0.0.5'), handle: 'net1.c1' })
  await assert.rejects(cluster.ipam.assertPoolUnused(pool), {
    code: 'IN_USE',
    message: 'Cannot delete pool 10.0.0.0/24: it is used by 10.0.0.5 (net1.c1)',
  })
})
