/**
 * The order in which a node looks at the blocks of a pool.
 *
 * Each node starts at a place of its own, so that nodes rarely race for one block; the place depends on the node's name
 * only, so that several processes of one node that need a block at the same moment all go for the same one. A pool may hold
 * 2^74 blocks: nothing here is proportional to that, wholly reserved stretches are jumped over.
 */
import { createHash } from 'node:crypto'
import {
  bitsOf,
  cidrBase,
  cidrContains,
  cidrOf,
  cidrSize,
  ipFromBigInt,
  ipToBigInt,
  ipVersion,
  type Cidr,
} from '@calico-node/model'
import { findRange, type AddressRange } from './address-ranges.ts'

export interface BlockSpace {
  /** The pool's CIDR. */
  readonly cidr: Cidr
  /** Prefix length of a block. */
  readonly blockSize: number
}

const addressBits = (cidr: Cidr): number => bitsOf(ipVersion(cidr))
const addressesPerBlock = ({ cidr, blockSize }: BlockSpace): bigint => 1n << BigInt(addressBits(cidr) - blockSize)
const blockCount = (space: BlockSpace): bigint => cidrSize(space.cidr) / addressesPerBlock(space)

/** 64 bits that depend on all of `text`. */
const hash64 = (text: string): bigint => createHash('sha256').update(text).digest().readBigUInt64BE()

/**
 * Index of the block where `owner` starts to look.
 *
 * @param random Uniform in [0, 1); used for one-address blocks, where a fixed start would make every claim a race.
 */
export function startIndex(space: BlockSpace, owner: string, random: () => number): bigint {
  const single = space.blockSize === addressBits(space.cidr)
  const point = single ? BigInt(Math.floor(random() * 2 ** 53)) << 11n : hash64(owner)
  return (point * blockCount(space)) >> 64n
}

/** All blocks of the pool from `start` on, wrapping at the end; those that `reserved` covers wholly are left out. */
export function* walkBlocks(
  space: BlockSpace,
  start: bigint,
  reserved: readonly AddressRange[],
): Generator<Cidr, void, undefined> {
  const size = addressesPerBlock(space)
  const count = blockCount(space)
  const base = ipToBigInt(cidrBase(space.cidr))
  for (let step = 0n; step < count; ) {
    const index = (start + step) % count
    const first = base + index * size
    const hole = findRange(reserved, first)
    if (hole !== undefined && hole.last >= first + size - 1n) {
      const after = (hole.last + 1n - base) / size
      step += (after < count ? after : count) - index
      continue
    }
    yield cidrOf(ipFromBigInt(first, ipVersion(space.cidr)), space.blockSize)
    step += 1n
  }
}

/** The given blocks that lie in the pool, in the order in which {@link walkBlocks} meets them. */
export function inWalkOrder(space: BlockSpace, start: bigint, blocks: Iterable<Cidr>): Cidr[] {
  const size = addressesPerBlock(space)
  const count = blockCount(space)
  const base = ipToBigInt(cidrBase(space.cidr))
  const distance = (block: Cidr): bigint => ((ipToBigInt(cidrBase(block)) - base) / size - start + count) % count
  return [...blocks]
    .filter((block) => cidrContains(space.cidr, block))
    .map((block) => ({ block, rank: distance(block) }))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
    .map(({ block }) => block)
}
