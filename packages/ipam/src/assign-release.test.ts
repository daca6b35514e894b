import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { CalicoClient, MemoryKvStore } from '@calico-node/datastore'
import { blockKey, decodeBlock, parseBigJson, parseCidr, parseIp, parseNodeName } from '@calico-node/model'
import { assignAll, EPOCH, faults, ipamOn, makeCluster, NODE_A, NODE_B, records } from './cluster-fixture.test.ts'

const ip = parseIp

describe('assignIp()', () => {
  test('claims the block of the address for the node', async () => {
    const cluster = await makeCluster()
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.77'), handle: 'h' })
    const { blocks, affinities, handles } = await records(cluster)
    assert.deepEqual(affinities, ['node-a 10.0.0.64/26: confirmed'])
    assert.equal(blocks['10.0.0.64/26']?.allocations[13], 0)
    assert.deepEqual(handles, { h: { '10.0.0.64/26': 1 } })
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('borrows from the block of another node, unless affinity is strict', async () => {
    const { ipam } = await makeCluster()
    await ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1') })
    await ipam.assignIp({ node: NODE_B, ip: ip('10.0.0.2') })
    await ipam.configure({ strictAffinity: true })
    await assert.rejects(ipam.assignIp({ node: NODE_B, ip: ip('10.0.0.3') }), {
      code: 'CONFLICT',
      message: /belongs to host:node-a/,
    })
  })

  test('refuses an address that is taken, in no pool or in a disabled one, and leaves no handle', async () => {
    const cluster = await makeCluster({ on: { cidr: '10.0.0.0/24' }, off: { cidr: '10.1.0.0/24', disabled: true } })
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1'), handle: 'first' })
    const refused: [string, { code: string; message?: RegExp }][] = [
      ['10.0.0.1', { code: 'ALREADY_EXISTS' }],
      ['10.9.9.9', { code: 'INVALID', message: /10\.9\.9\.9: it is not in any configured pool/ }],
      ['10.1.0.1', { code: 'INVALID', message: /its pool off is disabled/ }],
    ]
    for (const [text, error] of refused)
      await assert.rejects(cluster.ipam.assignIp({ node: NODE_B, ip: ip(text), handle: 'h' }), error)
    assert.deepEqual(Object.keys((await records(cluster)).handles), ['first'])
  })
})

describe('releaseIps()', () => {
  test('releases what is assigned and says what was not', async () => {
    const cluster = await makeCluster({ a: { cidr: '10.0.0.0/24' }, b: { cidr: 'fd00::/64' } })
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1'), handle: 'h' })
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('fd00::1'), handle: 'h' })
    const requests = ['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::ffff:1', '192.0.2.1', '10.0.0.1'].map((text) => ({
      ip: ip(text),
    }))
    assert.deepEqual(await cluster.ipam.releaseIps(requests), {
      released: ['10.0.0.1', 'fd00::1'],
      unallocated: ['10.0.0.2', 'fd00::ffff:1', '192.0.2.1'],
    })
    assert.deepEqual((await records(cluster)).handles, {})
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('serves the other blocks when one refuses, and then says so', async () => {
    const cluster = await makeCluster()
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1'), handle: 'h' })
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.65'), handle: 'other' })
    const requests = [
      { ip: ip('10.0.0.1'), handle: 'wrong' },
      { ip: ip('10.0.0.65'), handle: 'other' },
    ]
    await assert.rejects(cluster.ipam.releaseIps(requests), { code: 'CONFLICT', context: { released: ['10.0.0.65'] } })
    assert.deepEqual(Object.keys((await records(cluster)).handles), ['h'])
  })

  test('by sequence number never hits the next life of the address', async () => {
    const { ipam } = await makeCluster({ one: { cidr: '10.0.0.0/32', blockSize: 32 } })
    await ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.0'), handle: 'h' })
    const { sequence } = (await ipam.findHolder(ip('10.0.0.0'))) ?? assert.fail()
    assert.equal(sequence, EPOCH)
    await ipam.releaseIps([{ ip: ip('10.0.0.0'), handle: 'h' }])
    await ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.0'), handle: 'h' })
    await assert.rejects(
      ipam.releaseIps([{ ip: ip('10.0.0.0'), handle: 'h', ...(sequence !== undefined && { sequence }) }]),
      { code: 'CONFLICT' },
    )
  })

  test('finds blocks that no pool explains', async () => {
    const cluster = await makeCluster()
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1') })
    await cluster.client.resources('IPPool').delete('pool-a')
    assert.equal((await cluster.ipam.findHolder(ip('10.0.0.1')))?.attributes['node'], 'node-a')
    assert.deepEqual((await cluster.ipam.releaseIps([{ ip: ip('10.0.0.1') }])).released, ['10.0.0.1'])
  })

  test('deletes a block that is empty and belongs to nobody', async () => {
    const cluster = await makeCluster()
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1') })
    await cluster.ipam.releaseNode(NODE_A, { mustBeEmpty: false })
    assert.equal((await records(cluster)).blocks['10.0.0.0/26']?.affinity, null)
    await cluster.ipam.releaseIps([{ ip: ip('10.0.0.1') }])
    assert.deepEqual((await records(cluster)).blocks, {})
  })
})

describe('releaseByHandle()', () => {
  test('releases everything that the handle holds, in every block, and nothing else', async () => {
    const cluster = await makeCluster({ pool: { cidr: '10.0.0.0/28', blockSize: 30 } })
    const mine = await assignAll(cluster.ipam, NODE_A, 6, 'mine')
    const [other] = await assignAll(cluster.ipam, NODE_A, 1, 'other')
    assert.deepEqual((await cluster.ipam.ipsByHandle('mine')).toSorted(), mine.toSorted())
    assert.deepEqual((await cluster.ipam.releaseByHandle('mine')).toSorted(), mine.toSorted())
    assert.deepEqual(await cluster.ipam.ipsByHandle('mine'), [])
    assert.deepEqual(await cluster.ipam.ipsByHandle('other'), [other])
    assert.deepEqual(Object.keys((await records(cluster)).handles), ['other'])
    await assert.rejects(cluster.ipam.releaseByHandle('mine'), { code: 'NOT_FOUND' })
    assert.deepEqual(await faults(cluster.client), [])
  })

  test('clears away a count that exceeds what there is, and a block that is gone', async () => {
    const cluster = await makeCluster()
    await assignAll(cluster.ipam, NODE_A, 1, 'h')
    const [block = ''] = Object.keys((await records(cluster)).blocks)
    await cluster.store.put(
      '/calico/ipam/v2/handle/h',
      JSON.stringify({ block: { [block]: 7, '10.0.9.0/26': 2 }, deleted: false }),
    )
    assert.equal((await cluster.ipam.releaseByHandle('h')).length, 1)
    assert.deepEqual((await records(cluster)).handles, {})
  })

  test('invalidates an assignment to the handle that is under way', async () => {
    const cluster = await makeCluster()
    await cluster.ipam.assignIp({ node: NODE_A, ip: ip('10.0.0.1'), handle: 'other' })
    await cluster.store.put('/calico/ipam/v2/handle/h', '{"block":{"10.0.0.0/26":1}}') // raised, the block is still to be written
    const before = await cluster.store.get(blockKey(parseCidr('10.0.0.0/26')))
    assert.deepEqual(await cluster.ipam.releaseByHandle('h'), [])
    const after = await cluster.store.get(blockKey(parseCidr('10.0.0.0/26')))
    assert.notEqual(after?.modRevision, before?.modRevision)
  })
})

describe('configure()', () => {
  test('writes the default down when it is first needed, in the form of the store', async () => {
    const { ipam, store } = await makeCluster()
    assert.deepEqual(await ipam.config(), { strictAffinity: false, autoAllocateBlocks: true, maxBlocksPerHost: 0 })
    assert.equal((await store.get('/calico/ipam/v2/config'))?.value, '{"auto_allocate_blocks":true}')
    await ipam.configure({ strictAffinity: true, maxBlocksPerHost: 4 })
    assert.deepEqual(JSON.parse((await store.get('/calico/ipam/v2/config'))?.value ?? ''), {
      strict_affinity: true,
      auto_allocate_blocks: true,
      maxBlocksPerHost: 4,
    })
  })

  const refused: [change: object, message: RegExp][] = [
    [{ autoAllocateBlocks: false }, /affinity has to be strict/],
    [{ maxBlocksPerHost: 2 }, /needs strict affinity/],
    [{ maxBlocksPerHost: -1, strictAffinity: true }, /whole number >= 0/],
    [{ maxBlocksPerHost: 1.5, strictAffinity: true }, /whole number >= 0/],
  ]
  for (const [change, message] of refused) {
    test(`refuses ${JSON.stringify(change)} and changes nothing`, async () => {
      const { ipam } = await makeCluster()
      await assert.rejects(ipam.configure(change), { code: 'INVALID', message })
      assert.deepEqual(await ipam.config(), { strictAffinity: false, autoAllocateBlocks: true, maxBlocksPerHost: 0 })
    })
  }
})

describe('beside upstream on one store', () => {
  interface Stored {
    readonly key: string
    readonly value: string
  }
  const corpus: { resources: Stored[]; afterTwoAdds: Stored[]; afterRelease: Stored[] } = JSON.parse(
    readFileSync(new URL('../test-data/upstream-3.22.json', import.meta.url), 'utf8'),
  )
  /** Values without what that version did not have yet. */
  const comparable = (stored: readonly Stored[]): Map<string, unknown> =>
    new Map(
      stored.map(({ key, value }) => {
        const record: unknown = parseBigJson(value)
        if (typeof record === 'object' && record !== null) {
          Reflect.deleteProperty(record, 'sequenceNumber')
          Reflect.deleteProperty(record, 'sequenceNumberForAllocation')
        }
        return [key, record]
      }),
    )
  const open = async (stored: readonly Stored[]) => {
    const store = new MemoryKvStore()
    for (const { key, value } of stored) await store.put(key, value)
    const client = new CalicoClient(store)
    return {
      store,
      client,
      ipam: ipamOn(client),
      ipamRecords: async () => comparable((await store.list('/calico/ipam/v2/')).kvs),
    }
  }

  test('assignments come out as upstream stores them', async () => {
    const { ipam, ipamRecords } = await open(corpus.resources)
    const added = corpus.afterTwoAdds
      .filter(({ key }) => key.includes('/block/') && key.includes('/assignment/'))
      .map((kv) => decodeBlock(kv.value, kv))
    const node = parseNodeName('host-a')
    for (const { cidr } of added) await ipam.claimBlock(node, cidr)
    for (const { handle_id, secondary } of added[0]?.attributes ?? []) {
      for (const version of [4, 6] as const) {
        const { ips } = await ipam.autoAssign({
          node,
          version,
          use: 'Workload',
          handle: handle_id ?? '',
          attributes: secondary ?? {},
        })
        assert.equal(ips.length, 1)
      }
    }
    const ours = await ipamRecords()
    ours.delete('/calico/ipam/v2/config') // upstream of that version did not write the default down
    assert.deepEqual(ours, comparable(corpus.afterTwoAdds))
  })

  test('releases and a setting come out as upstream stores them', async () => {
    const { ipam, ipamRecords } = await open([...corpus.resources, ...corpus.afterTwoAdds])
    await ipam.releaseByHandle('net1.fxc1')
    await ipam.configure({ strictAffinity: true })
    assert.deepEqual(await ipam.releaseIps([{ ip: ip('10.65.222.33') }]), {
      released: ['10.65.222.33'],
      unallocated: [],
    })
    assert.deepEqual(await ipamRecords(), comparable(corpus.afterRelease))
  })

  test('its records hold together, but for the addresses that its documents took without IPAM', async () => {
    const { client } = await open([...corpus.resources, ...corpus.afterTwoAdds])
    assert.deepEqual(
      (await faults(client)).map(({ kind, subject }) => `${kind} ${subject}`),
      [
        'address-unassigned 10.65.0.9',
        'address-unassigned fd80:65::9',
        'address-unassigned 10.65.0.1',
        'address-unassigned 10.65.0.2',
      ],
    )
  })
})
