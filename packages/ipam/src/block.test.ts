import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeBlock, encodeBlock, parseCidr, parseIp, type Ip, type IpamBlock } from '@calico-node/model'
import { mergeRanges } from './address-ranges.ts'
import {
  allocationsOf,
  assignAddress,
  assignAny,
  countAssignable,
  findAllocation,
  isEmpty,
  newBlock,
  ordinalOf,
  releaseAddresses,
  releaseHandle,
  withoutAffinity,
  type Holder,
} from './block.ts'
import { treeProblems } from './check/invariants.ts'

const CIDR = parseCidr('10.65.3.64/30')
const fresh = (): IpamBlock => newBlock(CIDR, 'host:node-a', 1000n)
const holder = (handle?: string, node = 'node-a'): Holder => ({ handle, attributes: { node } })
const ip = parseIp
const take = (block: IpamBlock, count: number, who: Holder, reserved: string[] = []) =>
  assignAny(block, { ...who, count, reserved: mergeRanges(reserved.map(parseCidr), 4) })

describe('newBlock()', () => {
  test('lists every address as free, in order, and belongs to its owner', () => {
    assert.deepEqual(fresh(), {
      cidr: '10.65.3.64/30',
      affinity: 'host:node-a',
      allocations: [null, null, null, null],
      unallocated: [0, 1, 2, 3],
      attributes: [],
      sequenceNumber: 1000n,
      sequenceNumberForAllocation: {},
      deleted: false,
    })
  })

  test('has as many addresses as its prefix leaves, in IPv6 as well', () => {
    assert.equal(newBlock(parseCidr('fd00::40/122'), 'host:a', 1n).allocations.length, 64)
    assert.equal(newBlock(parseCidr('10.0.0.1/32'), 'host:a', 1n).allocations.length, 1)
  })
})

describe('assignAny()', () => {
  test('takes from the front and remembers the sequence number before the write', () => {
    const first = take(fresh(), 2, holder('h1'))
    assert.deepEqual(first.ips, ['10.65.3.64', '10.65.3.65'])
    const second = take(first.block, 1, holder('h2'))
    assert.deepEqual(second.block, {
      ...fresh(),
      allocations: [0, 0, 1, null],
      unallocated: [3],
      attributes: [
        { handle_id: 'h1', secondary: { node: 'node-a' } },
        { handle_id: 'h2', secondary: { node: 'node-a' } },
      ],
      sequenceNumber: 1002n,
      sequenceNumberForAllocation: { 0: 1000n, 1: 1000n, 2: 1001n },
    })
  })

  test('shares the attributes of the same holder only', () => {
    const block = [holder('h'), holder('h', 'node-b'), holder('h'), holder()].reduce(
      (b, who) => take(b, 1, who).block,
      fresh(),
    )
    assert.deepEqual(block.allocations, [0, 1, 0, 2])
    assert.deepEqual(block.attributes[2], { handle_id: null, secondary: { node: 'node-a' } })
  })

  test('gives what there is, and leaves a full block as it is', () => {
    const full = take(fresh(), 9, holder())
    assert.equal(full.ips.length, 4)
    const none = take(full.block, 1, holder())
    assert.deepEqual(none.ips, [])
    assert.equal(none.block, full.block)
  })

  test('skips reserved addresses, which keep their place among the free ones', () => {
    const { block, ips } = take(fresh(), 2, holder(), ['10.65.3.64/31'])
    assert.deepEqual(ips, ['10.65.3.66', '10.65.3.67'])
    assert.deepEqual(block.unallocated, [0, 1])
    assert.equal(countAssignable(block, mergeRanges([parseCidr('10.65.3.65')], 4)), 1)
  })

  test('never gives an address twice that damaged data lists twice', () => {
    assert.deepEqual(take({ ...fresh(), unallocated: [2, 2, 3] }, 3, holder()).ips, ['10.65.3.66', '10.65.3.67'])
  })

  test('reuses released addresses last', () => {
    const two = take(fresh(), 2, holder('h')).block
    const released = releaseAddresses(two, [{ ip: ip('10.65.3.64') }]).block ?? assert.fail()
    assert.deepEqual(take(released, 3, holder()).ips, ['10.65.3.66', '10.65.3.67', '10.65.3.64'])
  })
})

describe('assignAddress()', () => {
  test('takes exactly that address', () => {
    const block = assignAddress(fresh(), ip('10.65.3.66'), holder('h'))
    assert.deepEqual(block.unallocated, [0, 1, 3])
    assert.deepEqual(findAllocation(block, 2), {
      ip: '10.65.3.66',
      ordinal: 2,
      handle: 'h',
      attributes: { node: 'node-a' },
      sequence: 1000n,
    })
  })

  test('refuses one that is taken and says by whom', () => {
    const block = assignAddress(fresh(), ip('10.65.3.66'), holder('h'))
    assert.throws(() => assignAddress(block, ip('10.65.3.66'), holder('h')), {
      code: 'ALREADY_EXISTS',
      context: { ip: '10.65.3.66', handle: 'h', attributes: { node: 'node-a' } },
    })
  })
})

describe('releaseAddresses()', () => {
  const three = (): IpamBlock =>
    [holder('h1'), holder('h2'), holder('h1')].reduce((b, who) => take(b, 1, who).block, fresh())

  test('frees, appends to the free ones, renumbers attributes and counts handles', () => {
    const { block, released, unallocated, handles } = releaseAddresses(three(), [
      { ip: ip('10.65.3.66') },
      { ip: ip('10.65.3.64'), handle: 'h1', sequence: 1000n },
      { ip: ip('10.65.3.67') },
      { ip: ip('10.65.3.66') },
    ])
    assert.deepEqual(block, {
      ...fresh(),
      allocations: [null, 0, null, null],
      unallocated: [3, 2, 0],
      attributes: [{ handle_id: 'h2', secondary: { node: 'node-a' } }],
      sequenceNumber: 1004n,
      sequenceNumberForAllocation: { 1: 1001n },
    })
    assert.deepEqual({ released, unallocated }, { released: ['10.65.3.66', '10.65.3.64'], unallocated: ['10.65.3.67'] })
    assert.deepEqual([...handles], [['h1', 2]])
  })

  test('writes nothing when everything was free already', () => {
    assert.deepEqual(releaseAddresses(fresh(), [{ ip: ip('10.65.3.64') }]), {
      block: undefined,
      released: [],
      unallocated: ['10.65.3.64'],
      handles: new Map(),
    })
  })

  const conflicts: [why: string, request: { handle?: string; sequence?: bigint }][] = [
    ['another handle', { handle: 'h2' }],
    ['another sequence number', { sequence: 1001n }],
    ['the right handle of another life', { handle: 'h1', sequence: 999n }],
  ]
  for (const [why, request] of conflicts) {
    test(`refuses ${why}, and the rest of the request with it`, () => {
      const requests = [{ ip: ip('10.65.3.65') }, { ip: ip('10.65.3.64'), ...request }]
      assert.throws(() => releaseAddresses(three(), requests), { code: 'CONFLICT' })
    })
  }

  test('compares handles up to the first carriage return', () => {
    const block = take(fresh(), 1, holder('h\r\nold')).block
    assert.deepEqual(releaseAddresses(block, [{ ip: ip('10.65.3.64'), handle: 'h' }]).released, ['10.65.3.64'])
    assert.deepEqual(releaseHandle(block, 'h\rnew').released, ['10.65.3.64'])
  })
})

test('a block without an owner keeps its allocations', () => {
  const block = withoutAffinity(take(fresh(), 1, holder('h')).block)
  assert.equal(block.affinity, null)
  assert.equal(allocationsOf(block).length, 1)
  assert.equal(block.sequenceNumber, 1002n)
})

test('fields of later versions and 64-bit numbers survive decode, operate, encode', () => {
  const stored = encodeBlock(take(fresh(), 1, holder('h')).block)
    .replace('{', '{"affinity_claim_time":"2026-01-01T00:00:00Z",')
    .replaceAll('1000', '1714557600123456789')
    .replaceAll('1001', '1714557600123456790')
  const block = decodeBlock(stored, { key: '/calico/ipam/v2/assignment/ipv4/block/10.65.3.64-30' })
  const text = encodeBlock(take(block, 1, holder('h2')).block)
  assert.match(text, /"affinity_claim_time":"2026-01-01T00:00:00Z"/)
  assert.match(text, /"sequenceNumber":1714557600123456791\b/)
  assert.match(text, /"sequenceNumberForAllocation":\{"0":1714557600123456789,"1":1714557600123456790\}/)
})

/** One step of a random history: which operation, by whom, on which of the addresses. */
const step = fc.record({
  op: fc.constantFrom('any', 'one', 'free', 'free handle'),
  handle: fc.option(fc.constantFrom('h1', 'h2', 'h3'), { nil: undefined }),
  node: fc.constantFrom('node-a', 'node-b'),
  at: fc.nat(7),
  count: fc.integer({ min: 1, max: 5 }),
})

test('no history gives an address twice, loses one, or leaves the block inconsistent', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let block = newBlock(parseCidr('10.1.1.8/29'), 'host:node-a', 5n)
      const held = new Map<Ip, string | undefined>()
      for (const { op, handle, node, at, count } of steps) {
        const before = block
        const target = ip(`10.1.1.${8 + at}`)
        if (op === 'any') {
          const taken = take(block, count, holder(handle, node))
          for (const each of taken.ips) {
            assert.ok(!held.has(each), `${each} was given twice`)
            held.set(each, handle)
          }
          assert.equal(taken.ips.length, Math.min(count, 8 - (held.size - taken.ips.length)))
          block = taken.block
        } else if (op === 'one') {
          if (held.has(target))
            assert.throws(() => assignAddress(before, target, holder(handle, node)), { code: 'ALREADY_EXISTS' })
          else {
            block = assignAddress(block, target, holder(handle, node))
            held.set(target, handle)
          }
        } else {
          const result =
            op === 'free' ? releaseAddresses(block, [{ ip: target }]) : releaseHandle(block, handle ?? 'h1')
          const expected =
            op === 'free' ? [target] : [...held].filter(([, by]) => by === (handle ?? 'h1')).map(([each]) => each)
          assert.deepEqual(result.released.toSorted(), expected.filter((each) => held.has(each)).toSorted())
          for (const each of result.released) held.delete(each)
          block = result.block ?? block
        }
        assert.equal(block.sequenceNumber, before.sequenceNumber + (block === before ? 0n : 1n))
        assert.deepEqual(new Map(allocationsOf(block).map((each) => [each.ip, each.handle])), held)
        const tree = { blocks: [block], affinities: [], handles: new Map(), malformed: [] }
        const problems = [...treeProblems(tree, [])].filter(
          ({ kind }) => kind === 'block-inconsistent' || kind === 'attribute-unused',
        )
        assert.deepEqual(problems, [])
      }
      assert.equal(isEmpty(block), held.size === 0)
      assert.ok([...held.keys()].every((each) => block.allocations[ordinalOf(block, each)] !== null))
    }),
  )
})
