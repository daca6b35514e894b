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

/**
 * @param obtain Reads the block, claiming it first where that is wanted; undefined when it is not to be had.
 * @param take Chooses the addresses: pure, called again after each lost race.
 * @returns The addresses; none when the block is not to be had or has none to give.
 */
export function writeAllocation(
  ctx: IpamContext,
  holder: Holder,
  { obtain, take }: { obtain: () => Promise<Stored<IpamBlock> | undefined>; take: (block: IpamBlock) => Taken },
): Promise<readonly Ip[]> {
  return untilWon('assign an address', async () => {
    const stored = await obtain()
    if (stored === undefined) return []
    const taken = take(stored.value)
    if (taken.ips.length === 0) return []
    return (await commit(ctx, holder, stored, taken)) ? taken.ips : undefined
  })
}

async function commit(ctx: IpamContext, holder: Holder, stored: Stored<IpamBlock>, taken: Taken): Promise<boolean> {
  const { handle } = holder
  const { cidr, sequenceNumber } = stored.value
  const count = taken.ips.length
  const takeBack = async (): Promise<void> => {
    if (handle !== undefined) await decrementHandle(ctx, handle, cidr, count)
  }
  /** Nobody else can have given the same address to the same holder under the same sequence number. */
  const landed = (current: IpamBlock): boolean =>
    taken.ips.every((ip) => {
      const held = findAllocation(current, ordinalOf(current, ip))
      return held !== undefined && held.sequence === sequenceNumber && isHeldBy(held, holder)
    })
  if (handle !== undefined) await incrementHandle(ctx, handle, cidr, count)
  try {
    const written = await ctx.blocks.replace(stored, taken.block, landed)
    if (written === undefined) await takeBack()
    return written !== undefined
  } catch (err) {
    if (!hasCode(err, 'AMBIGUOUS')) await takeBack()
    throw err
  }
}
