/**
 * Which owner a block belongs to, and how it comes to and goes from it.
 *
 * The block's own `affinity` field is the truth; the affinity record below the owner is an index of it, and a lock of sorts:
 * `pending` marks a claim and `pendingDeletion` a release that somebody has begun. Each step is one compare-and-swap, and
 * anybody who finds a half-done claim or release can finish or undo it: nothing is lost when a process dies between two.
 */
import { CalicoError } from '@calico-node/core'
import { blockKey, type AffinityState, type BlockAffinity, type IpamBlock } from '@calico-node/model'
import { isEmpty, newBlock, touchBlock, withoutAffinity } from './block.ts'
import type { IpamContext } from './context.ts'
import { affinityText, ownedBlockKey, type OwnedBlock } from './owner.ts'
import { patiently, untilWon, type Stored } from './records.ts'

/**
 * Makes the block the owner's, creating it when there is none.
 *
 * @returns The block, or `taken` when it belongs to another owner or to nobody.
 * @throws CONFLICT after too many lost races
 */
export function claimBlock(ctx: IpamContext, wanted: OwnedBlock): Promise<Stored<IpamBlock> | 'taken'> {
  const { owner, cidr } = wanted
  return untilWon(`claim block ${cidr}`, async () => {
    const affinity = await announce(ctx, wanted)
    if (affinity === undefined) return undefined
    const block = await ctx.blocks.find(blockKey(cidr))
    if (block === undefined) return create(ctx, wanted, affinity)
    if (block.value.affinity !== affinityText(owner)) {
      return (await ctx.affinities.remove(affinity)) ? 'taken' : undefined
    }
    if (affinity.value.state === 'confirmed') return block
    const fenced = await ctx.blocks.replace(block, touchBlock(block.value))
    return fenced && confirm(ctx, affinity, fenced)
  })
}

/** The owner's affinity record: confirmed as it may be, else freshly written as pending. */
async function announce(ctx: IpamContext, wanted: OwnedBlock): Promise<Stored<BlockAffinity> | undefined> {
  const key = ownedBlockKey(wanted)
  const affinity = await ctx.affinities.find(key)
  if (affinity === undefined) return ctx.affinities.create(key, { state: 'pending', deleted: false })
  return affinity.value.state === 'confirmed' ? affinity : move(ctx, affinity, 'pending')
}

const move = (
  ctx: IpamContext,
  affinity: Stored<BlockAffinity>,
  state: AffinityState,
): Promise<Stored<BlockAffinity> | undefined> => ctx.affinities.replace(affinity, { ...affinity.value, state })

async function create(
  ctx: IpamContext,
  { owner, cidr }: OwnedBlock,
  announced: Stored<BlockAffinity>,
): Promise<Stored<IpamBlock> | undefined> {
  const affinity = announced.value.state === 'pending' ? announced : await move(ctx, announced, 'pending')
  const block = affinity && (await ctx.blocks.create(blockKey(cidr), newBlock(cidr, affinityText(owner), ctx.now())))
  return affinity && block && confirm(ctx, affinity, block)
}

async function confirm(
  ctx: IpamContext,
  affinity: Stored<BlockAffinity>,
  block: Stored<IpamBlock>,
): Promise<Stored<IpamBlock> | undefined> {
  if ((await move(ctx, affinity, 'confirmed')) !== undefined) return block
  const current = await ctx.affinities.find(affinity.key)
  return current?.value.state === 'confirmed' ? block : undefined
}

export interface ReleaseAffinityOptions {
  /** Refuse while an address of the block is in use. Otherwise such a block stays, without an owner. */
  readonly mustBeEmpty: boolean
}

/**
 * Takes the block from its owner: an empty one is deleted, another one belongs to nobody from then on.
 *
 * @throws NOT_FOUND when the owner has no such block; CONFLICT when the block belongs to somebody else (a stale affinity
 *   record of this owner is deleted); IN_USE
 */
export async function releaseBlock(
  ctx: IpamContext,
  owned: OwnedBlock,
  { mustBeEmpty }: ReleaseAffinityOptions,
): Promise<void> {
  const { owner, cidr } = owned
  const what = `release block ${cidr} of ${affinityText(owner)}`
  await untilWon(what, async () => {
    const affinity = await ctx.affinities.find(ownedBlockKey(owned))
    const block = await ctx.blocks.find(blockKey(cidr))
    if (block === undefined && affinity === undefined)
      throw new CalicoError('NOT_FOUND', `Cannot ${what}: it does not exist`)
    if (block !== undefined && block.value.affinity !== affinityText(owner)) {
      if (affinity !== undefined) await ctx.affinities.remove(affinity)
      throw new CalicoError('CONFLICT', `Cannot ${what}: its owner is ${block.value.affinity ?? 'nobody'}`)
    }
    if (block !== undefined && mustBeEmpty && !isEmpty(block.value)) {
      if (affinity?.value.state === 'pendingDeletion') await move(ctx, affinity, 'confirmed')
      throw new CalicoError('IN_USE', `Cannot ${what}: it is not empty`)
    }
    return dissolve(ctx, affinity, block)
  })
}

async function dissolve(
  ctx: IpamContext,
  affinity: Stored<BlockAffinity> | undefined,
  block: Stored<IpamBlock> | undefined,
): Promise<'done' | undefined> {
  const marked = affinity && (await move(ctx, affinity, 'pendingDeletion'))
  if (affinity !== undefined && marked === undefined) return undefined
  if (block !== undefined && !(await disown(ctx, block))) return undefined
  if (marked !== undefined) await patiently(() => ctx.affinities.remove(marked))
  return 'done'
}

async function disown(ctx: IpamContext, block: Stored<IpamBlock>): Promise<boolean> {
  if (isEmpty(block.value)) return ctx.blocks.remove(block)
  const written = await ctx.blocks.replace(block, withoutAffinity(block.value), ({ affinity }) => affinity === null)
  return written !== undefined
}
