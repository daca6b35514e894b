import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeAffinity,
  decodeBlock,
  decodeHandle,
  decodeIpamConfig,
  encodeAffinity,
  encodeBlock,
  encodeHandle,
  encodeIpamConfig,
} from './codec.ts'

const at = { key: '/calico/ipam/v2/x' }
const block = (more: object = {}): string =>
  JSON.stringify({
    cidr: '10.65.3.64/30',
    affinity: 'host:node-a',
    allocations: [0, null, 1, null],
    unallocated: [1, 3],
    attributes: [
      { handle_id: 'net1.9f3c', secondary: { node: 'node-a' } },
      { handle_id: null, secondary: null },
    ],
    deleted: false,
    ...more,
  })

describe('blocks', () => {
  test('keep every digit of their sequence numbers', () => {
    const text = block().replace(
      '"deleted"',
      '"sequenceNumber":1714557600123456791,"sequenceNumberForAllocation":{"0":1714557600123456789,"2":7},"deleted"',
    )
    const decoded = decodeBlock(text, at)
    assert.equal(decoded.sequenceNumber, 1714557600123456791n)
    assert.deepEqual(decoded.sequenceNumberForAllocation, { 0: 1714557600123456789n, 2: 7n })
    assert.equal(encodeBlock(decoded), text)
  })
  test('property: sequence numbers of any size, and their successors, survive', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 2n }), (sequence) => {
        const next = { ...decodeBlock(block(), at), sequenceNumber: sequence + 1n }
        assert.equal(decodeBlock(encodeBlock(next), at).sequenceNumber, sequence + 1n)
      }),
    )
  })
  test('of old writers: null lists, an empty owner, no numbers', () => {
    const old = decodeBlock(
      block({ affinity: '', allocations: [null, null, null, null], attributes: null, unallocated: null }),
      at,
    )
    assert.deepEqual(
      [old.affinity, old.attributes, old.unallocated, old.sequenceNumber, old.sequenceNumberForAllocation],
      [null, [], [], 0n, {}],
    )
    assert.equal(decodeBlock(block({ affinity: null }), at).affinity, null)
  })
  test('of newer writers: fields that we do not know survive, absent nulls are understood', () => {
    const newer = {
      affinity_claim_time: '2026-01-01T00:00:00Z',
      attributes: [{ alternateOwnerAttrs: { pod: 'x' } }, { handle_id: 'h' }],
    }
    const decoded = decodeBlock(block(newer), at)
    assert.deepEqual([decoded.attributes[0]?.handle_id, decoded.attributes[1]?.secondary], [null, null])
    const again = JSON.parse(encodeBlock(decoded))
    assert.equal(again.affinity_claim_time, '2026-01-01T00:00:00Z')
    assert.deepEqual(again.attributes[0], { handle_id: null, secondary: null, alternateOwnerAttrs: { pod: 'x' } })
  })
  const refused: [why: string, more: object, message: string][] = [
    ['too few allocations', { allocations: [null] }, 'allocations = 1: must be a list of 4, one for each address'],
    [
      'an index beyond the attributes',
      { allocations: [2, null, null, null] },
      'allocations[0] = 2: must be null or below 2, an index of attributes',
    ],
    ['an ordinal beyond the block', { unallocated: [4] }, 'unallocated[0] = 4: must be below 4, the size of the block'],
    ['host bits', { cidr: '10.65.3.65/30' }, 'cidr = "10.65.3.65/30": needs host bits to be zero, as in 10.65.3.64/30'],
    ['no network', { cidr: undefined }, 'cidr: is required'],
    ['a word for a list', { allocations: 'x' }, 'allocations = "x": must be a list'],
  ]
  for (const [why, more, message] of refused) {
    test(`with ${why} are refused`, () => {
      assert.throws(() => decodeBlock(block(more), at), {
        code: 'INVALID',
        message: `Cannot read IPAM block at ${at.key}: ${message}`,
      })
    })
  }
})

test('affinities: an empty or missing state is confirmed', () => {
  for (const text of ['', '{}', '{"state":""}', '{"state":"confirmed","deleted":false}']) {
    assert.equal(encodeAffinity(decodeAffinity(text, at)), '{"state":"confirmed","deleted":false}', text)
  }
  assert.deepEqual(decodeAffinity('{"state":"pendingDeletion","deleted":true,"x":1}', at), {
    state: 'pendingDeletion',
    deleted: true,
    x: 1,
  })
  assert.throws(() => decodeAffinity('{"state":"odd"}', at), { code: 'INVALID' })
})

test('handles', () => {
  const text = '{"block":{"10.65.3.64/30":1,"fd00::40/122":2},"deleted":false}'
  assert.equal(encodeHandle(decodeHandle(text, at)), text)
  assert.deepEqual(decodeHandle('{"block":null}', at), { block: {}, deleted: false })
  assert.throws(() => decodeHandle('{"block":{"10.65.3.64/30":-1}}', at), { code: 'INVALID' })
})

describe('the configuration: false and 0 are left out', () => {
  const rows: [text: string, strictAffinity: boolean, autoAllocateBlocks: boolean, maxBlocksPerHost: number][] = [
    ['{}', false, false, 0],
    ['{"auto_allocate_blocks":true}', false, true, 0],
    ['{"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":4}', true, true, 4],
  ]
  for (const [text, strictAffinity, autoAllocateBlocks, maxBlocksPerHost] of rows) {
    test(text, () => {
      const config = decodeIpamConfig(text, at)
      assert.deepEqual(config, { strictAffinity, autoAllocateBlocks, maxBlocksPerHost })
      assert.equal(encodeIpamConfig(config), text)
    })
  }
  test('what we do not know survives', () => {
    const text = '{"auto_allocate_blocks":true,"kubeVirtVMAddressPersistence":"Enabled"}'
    assert.equal(encodeIpamConfig(decodeIpamConfig(text, at)), text)
  })
})

test('a value that is no JSON is refused with its key', () => {
  for (const decode of [decodeBlock, decodeHandle, decodeIpamConfig]) {
    assert.throws(() => decode('nope', at), {
      code: 'INVALID',
      message: /^Cannot read .* at \/calico\/ipam\/v2\/x: value = "nope": must be JSON: /,
    })
  }
})
