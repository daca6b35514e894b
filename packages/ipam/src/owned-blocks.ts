/** The blocks of an owner, and letting go of those that it should not keep. */
import { hasCode } from '@calico-node/core'
import {
  AFFINITY_PREFIX,
  cidrContains,
  findAffinityKey,
  VIRTUAL_AFFINITY_PREFIX,
  type Cidr,
  type IpamBlock,
  type IpVersion,
} from '@calico-node/model'
import { releaseBlock, type ReleaseAffinityOptions } from './affinity.ts'
import type { IpamContext } from './context.ts'
import { findOwner, ownerPrefix, type OwnedBlock, type Owner } from './owner.ts'
import { findPool, selectsNode, type Labels, type Pool } from './pools.ts'
import { readPools } from './surroundings.ts'

/** The blocks below the owner's affinity prefix, in key order, whatever their state. */
export async function listOwnedBlocks(ctx: IpamContext, owner: Owner, version: IpVersion): Promise<Cidr[]> {
  const { kvs } = await ctx.client.store.list(ownerPrefix(owner, version))
  return kvs.flatMap(({ key }) => findAffinityKey(key)?.cidr ?? [])
}

export interface ReleasedBlocks {
  readonly released: readonly Cidr[]
  /** Blocks that stayed because an address of them is in use. */
  readonly inUse: readonly Cidr[]
}

async function releaseBlocks(
  ctx: IpamContext,
  blocks: readonly OwnedBlock[],
  opts: ReleaseAffinityOptions,
): Promise<ReleasedBlocks> {
  const released: Cidr[] = []
  const inUse: Cidr[] = []
  for (const block of blocks) {
    try {
      await releaseBlock(ctx, block, opts)
      released.push(block.cidr)
    } catch (err) {
      if (hasCode(err, 'IN_USE')) inUse.push(block.cidr)
      else if (!hasCode(err, 'NOT_FOUND', 'CONFLICT')) throw err
    }
  }
  return { released, inUse }
}

/** Releases every block of the owner, as when a node is deleted. */
export async function releaseOwner(
  ctx: IpamContext,
  owner: Owner,
  opts: ReleaseAffinityOptions,
): Promise<ReleasedBlocks> {
  const cidrs = [...(await listOwnedBlocks(ctx, owner, 4)), ...(await listOwnedBlocks(ctx, owner, 6))]
  return releaseBlocks(
    ctx,
    cidrs.map((cidr) => ({ owner, cidr })),
    opts,
  )
}

/** Releases every block inside `pool` from its owner, as when a pool is deleted. */
export async function releasePool(ctx: IpamContext, pool: Cidr, opts: ReleaseAffinityOptions): Promise<ReleasedBlocks> {
  const hosts = await ctx.client.store.list(AFFINITY_PREFIX)
  const virtual = await ctx.client.store.list(VIRTUAL_AFFINITY_PREFIX)
  const owned = [...hosts.kvs, ...virtual.kvs].flatMap(({ key }) => findAffinityKey(key) ?? [])
  return releaseBlocks(
    ctx,
    owned.filter(({ cidr }) => cidrContains(pool, cidr)),
    opts,
  )
}

/** Lets go of the owner's empty blocks in pools that no longer select its node. Best effort. */
export async function releaseUnselected(
  ctx: IpamContext,
  owner: Owner,
  { pools, labels, owned }: { pools: readonly Pool[]; labels: Labels; owned: readonly Cidr[] },
): Promise<void> {
  const unselected = owned.filter((cidr) => {
    const pool = findPool(pools, cidr)
    return pool !== undefined && !selectsNode(pool, labels)
  })
  const { released } = await releaseBlocks(
    ctx,
    unselected.map((cidr) => ({ owner, cidr })),
    { mustBeEmpty: true },
  )
  if (released.length > 0) ctx.log.info('Released empty blocks of pools that no longer select the node', { released })
}

/** The same for one block that has just become empty. A failure waits for the next assignment. */
export async function releaseIfUnselected(ctx: IpamContext, block: IpamBlock): Promise<void> {
  const owner = findOwner(block.affinity)
  if (owner?.kind !== 'host') return
  try {
    const node = await ctx.client.resources('Node').find(owner.name)
    const labels = node?.metadata.labels ?? {}
    if (node !== undefined)
      await releaseUnselected(ctx, owner, { pools: await readPools(ctx), labels, owned: [block.cidr] })
  } catch (err) {
    ctx.log.warn('Cannot release an empty block yet', { block: block.cidr, err })
  }
}
