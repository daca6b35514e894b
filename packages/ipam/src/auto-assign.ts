/**
 * Automatic assignment: from the blocks that the owner has, then from blocks that it claims, then, unless affinity is
 * strict, from anybody's.
 */
import { CalicoError, hasCode } from '@calico-node/core'
import {
  blockKey,
  blockPrefix,
  cidrContains,
  cidrPrefixLength,
  parseIpInterface,
  type Cidr,
  type IpamBlock,
  type IpamConfig,
  type IpInterface,
  type IpVersion,
  type NodeName,
} from '@calico-node/model'
import { coversWhole, type AddressRange } from './address-ranges.ts'
import { claimBlock } from './affinity.ts'
import { writeAllocation } from './allocation.ts'
import { assignAny, countAssignable, type Holder } from './block.ts'
import { inWalkOrder, startIndex, walkBlocks, type BlockSpace } from './block-walk.ts'
import { blockLimit, readConfig } from './config.ts'
import type { IpamContext } from './context.ts'
import { holderOf } from './holder.ts'
import { listOwnedBlocks, releaseUnselected } from './owned-blocks.ts'
import { affinityText, hostOwner, LOAD_BALANCER, type Owner } from './owner.ts'
import { usablePools, type Labels, type PoolUse } from './pools.ts'
import type { Stored } from './records.ts'
import { readPools, readReservations } from './surroundings.ts'

export interface AutoAssignRequest {
  readonly node: NodeName
  readonly version: IpVersion
  /** What the address is for; a pool has to allow it. LoadBalancer addresses belong to no node. */
  readonly use: PoolUse
  /** Default 1. */
  readonly count?: number
  /** Under which the addresses can be listed and released together. */
  readonly handle?: string
  /** Stored with the addresses; `node` is added. */
  readonly attributes?: Readonly<Record<string, string>>
  /** Draw from these pools only, whatever they select. */
  readonly pools?: readonly Cidr[]
  /** Labels of the workload's namespace, for pools that select namespaces. */
  readonly namespaceLabels?: Labels
  /** How many blocks the node may own; the smaller of this and the configured limit counts. */
  readonly maxBlocksPerHost?: number
}

export interface AutoAssigned {
  /** Each with the prefix length of its block. */
  readonly ips: readonly IpInterface[]
  /** Why there are fewer than were asked for. The caller decides whether to keep those that there are. */
  readonly shortfall?: CalicoError
}

/** One request on its way. */
interface Job {
  readonly ctx: IpamContext
  readonly owner: Owner
  readonly version: IpVersion
  readonly holder: Holder
  readonly count: number
  readonly spaces: readonly (BlockSpace & { readonly start: bigint })[]
  readonly reserved: readonly AddressRange[]
  readonly config: IpamConfig
  readonly maxBlocks: number
  /** The owner's blocks when the job began. */
  readonly owned: readonly Cidr[]
  /** What has been assigned so far. */
  readonly ips: IpInterface[]
}

/**
 * @throws INVALID for a requested pool that does not exist or is disabled; NOT_FOUND when the node does not exist or no pool
 *   is meant for it; STORE_UNAVAILABLE. What fails after the first address was assigned is a shortfall instead.
 */
export async function autoAssign(ctx: IpamContext, request: AutoAssignRequest): Promise<AutoAssigned> {
  const job = await prepare(ctx, request)
  try {
    const shortfall = (await fromOwnBlocks(job)) ?? (await fromAnyBlock(job))
    return { ips: job.ips, ...(shortfall !== undefined && { shortfall }) }
  } catch (err) {
    if (job.ips.length === 0 || !(err instanceof CalicoError)) throw err
    return { ips: job.ips, shortfall: err }
  }
}

async function prepare(ctx: IpamContext, request: AutoAssignRequest): Promise<Job> {
  const { version, use, count = 1, pools: wanted, namespaceLabels, ...holder } = request
  const owner = use === 'LoadBalancer' ? LOAD_BALANCER : hostOwner(request.node)
  const node = owner.kind === 'host' ? request.node : undefined
  const [pools, reservations, config, nodeLabels, owned] = await Promise.all([
    readPools(ctx),
    readReservations(ctx),
    readConfig(ctx),
    node && readLabels(ctx, node),
    listOwnedBlocks(ctx, owner, version),
  ])
  const conditions = { owner: owner.name, version, use, pools: wanted, nodeLabels, namespaceLabels }
  const spaces = usablePools(pools, conditions).map(({ spec }) => {
    return { ...spec, start: startIndex(spec, owner.name, ctx.random) }
  })
  if (nodeLabels !== undefined) await releaseUnselected(ctx, owner, { pools, labels: nodeLabels, owned })
  return {
    ctx,
    owner,
    version,
    count,
    spaces,
    config,
    owned,
    holder: holderOf(ctx, { ...holder, node }),
    reserved: reservations[version],
    maxBlocks: blockLimit(request.maxBlocksPerHost, config),
    ips: [],
  }
}

const readLabels = async (ctx: IpamContext, node: NodeName): Promise<Labels> =>
  (await ctx.client.resources('Node').get(node)).metadata.labels ?? {}

const isDone = (job: Job): boolean => job.ips.length >= job.count

/** Takes from blocks of the owner, claiming more of them. @returns Why it may not claim any (more) */
async function fromOwnBlocks(job: Job): Promise<CalicoError | undefined> {
  const tried = new Set<Cidr>()
  while (!isDone(job)) {
    const next = await nextBlock(job, tried)
    if (next === undefined || next instanceof CalicoError) return next
    tried.add(next)
    if (!coversWhole(job.reserved, next)) await takeOwned(job, next)
  }
  return undefined
}

/** The next block to try: one that the owner has, else one that is free. @returns Undefined when there is none */
async function nextBlock(job: Job, tried: ReadonlySet<Cidr>): Promise<Cidr | CalicoError | undefined> {
  const isUsable = (block: Cidr): boolean => job.spaces.some(({ cidr }) => cidrContains(cidr, block))
  const isNext = (block: Cidr): boolean => isUsable(block) && !tried.has(block)
  const known = job.owned.find(isNext)
  if (known !== undefined) return known
  const owned = await listOwnedBlocks(job.ctx, job.owner, job.version) // other processes of the owner claim blocks, too
  return owned.find(isNext) ?? claimRefusal(job, owned.filter(isUsable).length) ?? findClaimable(job, tried)
}

function claimRefusal(job: Job, owned: number): CalicoError | undefined {
  if (owned >= job.maxBlocks) return short(job, `it has ${owned} blocks and may have ${job.maxBlocks}`)
  return job.config.autoAllocateBlocks ? undefined : short(job, 'its blocks are full and it may not claim others')
}

function short({ owner, ips, count, version }: Job, why: string): CalicoError {
  const context = { owner: affinityText(owner), assigned: ips.length, wanted: count }
  const what = `${count} IPv${version} address(es) to ${owner.name}`
  return new CalicoError('EXHAUSTED', `Cannot assign ${what}: ${why}`, { context })
}

/** The first block in walk order that does not exist, or has become the owner's by another process and has room. */
async function findClaimable(job: Job, tried: ReadonlySet<Cidr>): Promise<Cidr | undefined> {
  const { records, malformed } = await job.ctx.blocks.list(blockPrefix(job.version))
  const existing = new Map(records.map(({ key, value }) => [key, value]))
  const unreadable = new Set(malformed.map(({ key }) => key))
  const isClaimable = (cidr: Cidr): boolean => {
    const block = existing.get(blockKey(cidr))
    if (block === undefined) return !unreadable.has(blockKey(cidr))
    return block.affinity === affinityText(job.owner) && countAssignable(block, job.reserved) > 0
  }
  for (const space of job.spaces) {
    for (const cidr of walkBlocks(space, space.start, job.reserved))
      if (!tried.has(cidr) && isClaimable(cidr)) return cidr
  }
  return undefined
}

/** Borrows: from every existing block of the pools, whoever owns it. @returns Why the job is still not done */
async function fromAnyBlock(job: Job): Promise<CalicoError | undefined> {
  if (isDone(job)) return undefined
  if (job.config.strictAffinity) return short(job, 'no block is free and affinity is strict')
  const { records } = await job.ctx.blocks.list(blockPrefix(job.version))
  const existing = records
    .filter(({ value }) => countAssignable(value, job.reserved) > 0)
    .map(({ value }) => value.cidr)
  for (const space of job.spaces) {
    for (const cidr of inWalkOrder(space, space.start, existing)) {
      if (isDone(job)) return undefined
      await take(job, cidr, () => job.ctx.blocks.find(blockKey(cidr)))
    }
  }
  return isDone(job) ? undefined : short(job, 'the pools have no free address left')
}

const takeOwned = (job: Job, cidr: Cidr): Promise<number> =>
  take(job, cidr, async () => {
    const block = await claimBlock(job.ctx, { owner: job.owner, cidr })
    return block === 'taken' ? undefined : block
  })

/** @returns How many addresses the block gave. A block that cannot be read, or is fought over, gives none. */
async function take(job: Job, cidr: Cidr, obtain: () => Promise<Stored<IpamBlock> | undefined>): Promise<number> {
  const { ctx, holder, reserved } = job
  const wanted = { ...holder, count: job.count - job.ips.length, reserved }
  try {
    const ips = await writeAllocation(ctx, { holder, obtain, take: (block) => assignAny(block, wanted) })
    job.ips.push(...ips.map((ip) => parseIpInterface(`${ip}/${cidrPrefixLength(cidr)}`)))
    return ips.length
  } catch (err) {
    if (!hasCode(err, 'INVALID', 'CONFLICT')) throw err
    ctx.log.warn('Cannot assign from a block, going on to the next', { block: cidr, err })
    return 0
  }
}
