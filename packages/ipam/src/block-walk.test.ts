import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { cidrBase, ipToBigInt, parseCidr, type Cidr } from '@calico-node/model'
import { mergeRanges } from './address-ranges.ts'
import { inWalkOrder, startIndex, walkBlocks, type BlockSpace } from './block-walk.ts'

const space = (cidr: string, blockSize: number): BlockSpace => ({ cidr: parseCidr(cidr), blockSize })
const walk = (of: BlockSpace, start: bigint, reserved: string[] = []): Cidr[] => [
  ...walkBlocks(of, start, mergeRanges(reserved.map(parseCidr), 4)),
]
const noRandom = (): number => assert.fail('not asked for')

describe('walkBlocks()', () => {
  const pool = space('10.0.0.0/24', 26)
  const cases: [why: string, start: bigint, reserved: string[], expected: string[]][] = [
    ['from the first', 0n, [], ['10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/26', '10.0.0.192/26']],
    ['wraps at the end', 2n, [], ['10.0.0.128/26', '10.0.0.192/26', '10.0.0.0/26', '10.0.0.64/26']],
    ['leaves out a reserved block', 0n, ['10.0.0.64/26'], ['10.0.0.0/26', '10.0.0.128/26', '10.0.0.192/26']],
    [
      'keeps a block that is reserved in part',
      0n,
      ['10.0.0.64/27'],
      ['10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/26', '10.0.0.192/26'],
    ],
    [
      'sees that several reservations cover a block',
      0n,
      ['10.0.0.96/27', '10.0.0.64/27'],
      ['10.0.0.0/26', '10.0.0.128/26', '10.0.0.192/26'],
    ],
    ['wraps over a reserved end', 1n, ['10.0.0.128/25'], ['10.0.0.64/26', '10.0.0.0/26']],
    ['starts behind a reserved start', 1n, ['10.0.0.0/25'], ['10.0.0.128/26', '10.0.0.192/26']],
    ['finds nothing in a reserved pool', 3n, ['10.0.0.0/8'], []],
  ]
  for (const [why, start, reserved, expected] of cases) {
    test(why, () => assert.deepEqual(walk(pool, start, reserved), expected))
  }

  test('does not take time in proportion to what is reserved', () => {
    const huge = space('fd00::/48', 122)
    const almostAll = [parseCidr('fd00::/49'), parseCidr('fd00:0:0:8000::/50'), parseCidr('fd00:0:0:c000::/51')]
    const [first] = walkBlocks(huge, 5n, mergeRanges(almostAll, 6))
    assert.equal(first, 'fd00:0:0:e000::/122')
    assert.deepEqual([...walkBlocks(huge, 5n, mergeRanges([parseCidr('fd00::/48')], 6))], [])
  })

  test('meets every block once, in an order that inWalkOrder reproduces', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 15 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 31 }), { maxLength: 8 }),
      (start, holes) => {
        const pool28 = space('10.0.0.0/24', 28)
        const reserved = holes.map((hole) => `10.0.0.${hole * 8}/29`)
        const walked = walk(pool28, BigInt(start), reserved)
        const covered = (block: number): boolean => holes.includes(block * 2) && holes.includes(block * 2 + 1)
        assert.equal(
          walked.length,
          Array.from({ length: 16 }, (_, block) => block).filter((block) => !covered(block)).length,
        )
        assert.equal(new Set(walked).size, walked.length)
        assert.deepEqual(inWalkOrder(pool28, BigInt(start), walked.toSorted()), walked)
      },
    )
    fc.assert(property)
  })
})

test('inWalkOrder() leaves out blocks of other pools', () => {
  const blocks = ['10.0.1.0/26', '10.0.0.0/26', 'fd00::/122'].map(parseCidr)
  assert.deepEqual(inWalkOrder(space('10.0.0.0/24', 26), 0n, blocks), ['10.0.0.0/26'])
})

describe('startIndex()', () => {
  test('is the same for all processes of a node and spreads nodes over the pool', () => {
    const pool = space('10.0.0.0/16', 26)
    const starts = Array.from({ length: 200 }, (_, at) => startIndex(pool, `node-${at}`, noRandom))
    assert.deepEqual(
      starts,
      Array.from({ length: 200 }, (_, at) => startIndex(pool, `node-${at}`, noRandom)),
    )
    assert.ok(starts.every((start) => start >= 0n && start < 1024n))
    assert.ok(new Set(starts).size > 150, `only ${new Set(starts).size} different starts`)
  })

  test('reaches all of a large IPv6 pool', () => {
    const pool = space('fd00::/48', 122)
    const high = startIndex(pool, 'node-7', noRandom) >> 58n
    assert.ok(
      Array.from({ length: 50 }, (_, at) => startIndex(pool, `n${at}`, noRandom) >> 58n).some((each) => each !== high),
    )
  })

  test('is random for blocks of one address', () => {
    const pool = space('10.0.0.0/24', 32)
    assert.equal(
      startIndex(pool, 'node-a', () => 0),
      0n,
    )
    assert.equal(
      startIndex(pool, 'node-a', () => 0.5),
      128n,
    )
    assert.equal(
      ipToBigInt(
        cidrBase(
          walk(
            pool,
            startIndex(pool, 'a', () => 0.999),
          )[0] ?? assert.fail(),
        ),
      ) & 0xffn,
      255n,
    )
  })
})
