/** What must hold inside the tree, whatever the addresses are used for. Pure. */
import { cidrContains, cidrPrefixLength, type Cidr, type IpamBlock } from '@calico-node/model'
import { allocationsOf, handleIdentity } from '../block.ts'
import { affinityText, findOwner } from '../owner.ts'
import { findPool, type Pool } from '../pools.ts'
import { problem, type IpamProblem } from './problem.ts'
import type { IpamTree } from './tree.ts'

export function* treeProblems(tree: IpamTree, pools: readonly Pool[]): Iterable<IpamProblem> {
  for (const { key, reason } of tree.malformed) yield problem('record-malformed', key, reason)
  yield* overlaps(tree.blocks)
  for (const block of tree.blocks) {
    yield* blockProblems(block)
    yield* placeProblems(block, pools)
  }
  yield* affinityProblems(tree)
  yield* handleProblems(tree)
}

/** Blocks come in address order, larger first: one that overlaps lies inside an earlier one. */
function* overlaps(blocks: readonly IpamBlock[]): Iterable<IpamProblem> {
  let outer: Cidr | undefined
  for (const { cidr } of blocks) {
    if (outer !== undefined && cidrContains(outer, cidr)) yield problem('block-overlap', cidr, `lies in block ${outer}`)
    else outer = cidr
  }
}

function* blockProblems(block: IpamBlock): Iterable<IpamProblem> {
  const { cidr, allocations, attributes, unallocated, sequenceNumber } = block
  const listed = new Set(unallocated)
  const inconsistent = (detail: string): IpamProblem => problem('block-inconsistent', cidr, detail)
  if (listed.size !== unallocated.length) yield inconsistent('an address is listed twice as unallocated')
  for (const [ordinal, index] of allocations.entries()) {
    if (index !== null && listed.has(ordinal))
      yield inconsistent(`address ${ordinal} is allocated and listed as unallocated`)
    if (index === null && !listed.has(ordinal))
      yield inconsistent(`address ${ordinal} is neither allocated nor listed as unallocated`)
  }
  const used = new Set(allocations)
  for (const at of attributes.keys())
    if (!used.has(at)) yield problem('attribute-unused', cidr, `attribute ${at} has no allocation`)
  for (const {
    ip,
    sequence,
    attributes: { node },
  } of allocationsOf(block)) {
    if (sequence !== undefined && sequence >= sequenceNumber)
      yield inconsistent(`${ip} has a sequence number of the future`)
    if (node === undefined && findOwner(block.affinity)?.kind !== 'virtual')
      yield problem('node-unknown', ip, 'has no attribute "node"')
  }
}

function* placeProblems({ cidr }: IpamBlock, pools: readonly Pool[]): Iterable<IpamProblem> {
  const pool = findPool(pools, cidr)
  if (pool === undefined) yield problem('block-without-pool', cidr, 'lies in no pool')
  else if (pool.spec.blockSize !== cidrPrefixLength(cidr)) {
    yield problem('block-size', cidr, `pool ${pool.metadata.name} has blocks of /${pool.spec.blockSize}`)
  }
}

function* affinityProblems({ blocks, affinities }: IpamTree): Iterable<IpamProblem> {
  const owners = new Map(blocks.map(({ cidr, affinity }) => [cidr, affinity]))
  const recorded = new Set(affinities.map(({ owner, cidr }) => `${affinityText(owner)} ${cidr}`))
  for (const { owner, cidr, state } of affinities) {
    const actual = owners.get(cidr)
    const who = affinityText(owner)
    if (state !== 'confirmed') yield problem('affinity-unsettled', cidr, `is ${state} for ${who}`)
    else if (actual !== who) {
      const why = actual === undefined ? 'the block does not exist' : `the block is ${actual ?? 'nobody'}'s`
      yield problem('affinity-stale', cidr, `${who} has a record of it, but ${why}`)
    }
  }
  for (const [cidr, affinity] of owners) {
    if (affinity !== null && !recorded.has(`${affinity} ${cidr}`))
      yield problem('affinity-missing', cidr, `${affinity} has no record of it`)
  }
}

function* handleProblems({ blocks, handles }: IpamTree): Iterable<IpamProblem> {
  const held = countHeld(blocks)
  for (const [handle, counts] of held) {
    for (const [cidr, actual] of counts) {
      const counted = handles.get(handle)?.handle.block[cidr] ?? 0
      if (counted < actual) yield problem('handle-short', handle, `counts ${counted} in ${cidr} and holds ${actual}`)
    }
  }
  for (const [handle, record] of handles) {
    const counts = held.get(handle)
    if (counts === undefined) yield problem('handle-leaked', handle, 'holds no address')
    else {
      for (const [cidr, counted] of Object.entries(record.handle.block)) {
        const actual = counts.get(cidr) ?? 0
        if (counted > actual) yield problem('handle-excess', handle, `counts ${counted} in ${cidr} and holds ${actual}`)
      }
    }
  }
}

/** How many addresses of which block each handle holds. */
function countHeld(blocks: readonly IpamBlock[]): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const held = new Map<string, Map<string, number>>()
  for (const block of blocks) {
    for (const { handle } of allocationsOf(block)) {
      if (handle === undefined) continue
      const counts = held.get(handleIdentity(handle)) ?? new Map<string, number>()
      held.set(handleIdentity(handle), counts.set(block.cidr, (counts.get(block.cidr) ?? 0) + 1))
    }
  }
  return held
}
