/**
 * The one write that gives addresses away: raise the handle, then replace the block, each by compare-and-swap.
 *
 * A block that changed meanwhile takes the raise back and starts again from what it has become. Only when it stays unknown
 * whether the block was written, the raise stays: a handle that names a block too many is harmless, an address that no
 * handle names is lost.
 */
import { hasCode } from '@calico-node/core'
import type { Ip, IpamBlock } from '@calico-node/model'
import { findAllocation, isHeldBy, ordinalOf, type Holder } from './block.ts'
import type { IpamContext } from './context.ts'
import { decrementHandle, incrementHandle } from './handles.ts'
import { untilWon, type Stored } from './records.ts'

export interface Taken {
  readonly block: IpamBlock
  readonly ips: readonly Ip[]
}

export interface AllocationRequest {
  readonly holder: Holder
  /** Reads the block, claiming it first where that is wanted; undefined when it is not to be had. */
  readonly obtain: () => Promise<Stored<IpamBlock> | undefined>
  /** Chooses the addresses: pure, called again after each lost race. */
  readonly take: (block: IpamBlock) => Taken
}

/** @returns The addresses; none when the block is not to be had or has none to give. */
export function writeAllocation(ctx: IpamContext, { holder, obtain, take }: AllocationRequest): Promise<readonly Ip[]> {
  return untilWon('assign an address', async () => {
    const stored = await obtain()
    if (stored === undefined) return []
    const taken = take(stored.value)
    if (taken.ips.length === 0) return []
    return (await commit(ctx, stored, { ...taken, holder })) ? taken.ips : undefined
  })
}

async function commit(
  ctx: IpamContext,
  stored: Stored<IpamBlock>,
  { block, ips, holder }: Taken & { readonly holder: Holder },
): Promise<boolean> {
  const { cidr, sequenceNumber } = stored.value
  const raise = holder.handle === undefined ? undefined : { handle: holder.handle, block: cidr, count: ips.length }
  const takeBack = async (): Promise<void> => {
    if (raise !== undefined) await decrementHandle(ctx, raise)
  }
  /** Nobody else can have given the same address to the same holder under the same sequence number. */
  const landed = (current: IpamBlock): boolean =>
    ips.every((ip) => {
      const held = findAllocation(current, ordinalOf(current, ip))
      return held !== undefined && held.sequence === sequenceNumber && isHeldBy(held, holder)
    })
  if (raise !== undefined) await incrementHandle(ctx, raise)
  try {
    const written = await ctx.blocks.replace(stored, block, landed)
    if (written === undefined) await takeBack()
    return written !== undefined
  } catch (err) {
    if (!hasCode(err, 'AMBIGUOUS')) await takeBack()
    throw err
  }
}
