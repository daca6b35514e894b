/** Giving addresses back: by address, or all that a handle holds. */
import { CalicoError } from '@calico-node/core'
import { blockKey, handleKey, parseCidr, type Cidr, type Ip, type IpamBlock } from '@calico-node/model'
import {
  allocationsOf,
  findAllocation,
  isEmpty,
  NOTHING_RELEASED,
  releaseAddresses,
  releaseHandle,
  touchBlock,
  type Released,
  type ReleaseRequest,
} from './block.ts'
import type { IpamContext } from './context.ts'
import { decrementHandle } from './handles.ts'
import { locateBlocks } from './lookup.ts'
import { releaseIfUnselected } from './owned-blocks.ts'
import { untilWon, type Stored } from './records.ts'

export interface ReleaseResult {
  readonly released: readonly Ip[]
  /** Addresses that were not assigned. */
  readonly unallocated: readonly Ip[]
}

/**
 * Releases each address, whoever holds it unless its request says who must.
 *
 * @throws CONFLICT when a request names another handle or sequence number than the allocation has: then nothing of that
 *   block is released. The other blocks are served all the same; `context.released` says what was released.
 */
export async function releaseIps(ctx: IpamContext, requests: readonly ReleaseRequest[]): Promise<ReleaseResult> {
  const located = await locateBlocks(
    ctx,
    requests.map(({ ip }) => ip),
  )
  const released = new Set<Ip>()
  const failures: CalicoError[] = []
  for (const [cidr, group] of Map.groupBy(requests, ({ ip }) => located.get(ip))) {
    if (cidr === undefined) continue
    try {
      const done = await releaseFrom(ctx, cidr, {
        release: (block) => releaseAddresses(block, group),
        handleCounts: ({ handles }) => handles,
      })
      for (const ip of done.released) released.add(ip)
    } catch (err) {
      if (!(err instanceof CalicoError)) throw err
      failures.push(err)
    }
  }
  const unallocated = [...new Set(requests.map(({ ip }) => ip))].filter((ip) => !released.has(ip))
  const [first] = failures
  if (first === undefined) return { released: [...released], unallocated }
  const context = { released: [...released] }
  throw new CalicoError(first.code, first.message, { context, cause: new AggregateError(failures) })
}

/**
 * Releases all that the handle holds; its record goes too, even where it counted more than there was.
 *
 * @throws NOT_FOUND when there is no such handle
 */
export async function releaseByHandle(ctx: IpamContext, handle: string): Promise<readonly Ip[]> {
  const record = await ctx.handles.find(handleKey(handle))
  if (record === undefined) throw new CalicoError('NOT_FOUND', `Cannot release handle ${handle}: it does not exist`)
  const released: Ip[] = []
  for (const [cidr, counted] of Object.entries(record.value.block)) {
    const done = await releaseFrom(ctx, parseCidr(cidr), {
      release: (block) => releaseAll(block, handle),
      handleCounts: (freed) => new Map([[handle, Math.max(counted, freed.released.length)]]),
    })
    released.push(...done.released)
  }
  return released
}

/** A block without such an address is written too: an assignment to this handle that is under way has to start again. */
function releaseAll(block: IpamBlock, handle: string): Released {
  const result = releaseHandle(block, handle)
  return result.released.length > 0 ? result : { ...result, block: touchBlock(block) }
}

interface BlockRelease {
  /** Pure, called again after each lost race. */
  readonly release: (block: IpamBlock) => Released
  /** What to take from which handle afterwards. */
  readonly handleCounts: (done: Released) => ReadonlyMap<string, number>
}

async function releaseFrom(ctx: IpamContext, cidr: Cidr, { release, handleCounts }: BlockRelease): Promise<Released> {
  const done = await untilWon(`release addresses of block ${cidr}`, async () => {
    const stored = await ctx.blocks.find(blockKey(cidr))
    if (stored === undefined) return NOTHING_RELEASED
    const attempt = release(stored.value)
    if (attempt.block === undefined) return attempt
    return (await write(ctx, stored, attempt.block)) ? attempt : undefined
  })
  for (const [handle, count] of handleCounts(done)) await decrementHandle(ctx, { handle, block: cidr, count })
  if (done.block !== undefined && isEmpty(done.block)) await releaseIfUnselected(ctx, done.block)
  return done
}

/** A block that is empty and belongs to nobody is deleted. */
async function write(ctx: IpamContext, stored: Stored<IpamBlock>, next: IpamBlock): Promise<boolean> {
  if (next.affinity === null && isEmpty(next)) return ctx.blocks.remove(stored)
  const freed = allocationsOf(stored.value).filter(({ ordinal }) => next.allocations[ordinal] === null)
  const landed = (current: IpamBlock): boolean =>
    freed.every(({ ordinal, sequence }) => {
      const now = findAllocation(current, ordinal)
      return now === undefined || now.sequence !== sequence
    })
  return (await ctx.blocks.replace(stored, next, landed)) !== undefined
}
