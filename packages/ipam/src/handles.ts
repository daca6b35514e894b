/**
 * Handle records: for each handle the blocks in which it holds addresses, with a count for each.
 *
 * They are an index, and always on the safe side: a count is raised before the block is written and lowered after, so that
 * a handle may name a block too many, never one too few. Whatever is uncertain is decided in that direction.
 */
import { handleKey, type Cidr, type IpamHandle } from '@calico-node/model'
import type { IpamContext } from './context.ts'
import { patiently, untilWon, type Stored } from './records.ts'

/** So many addresses of one block, held by one handle. */
export interface HandleCount {
  readonly handle: string
  readonly block: Cidr
  readonly count: number
}

/** Adds to the handle, which is created when it does not exist. */
export async function incrementHandle(ctx: IpamContext, { handle, block, count }: HandleCount): Promise<void> {
  const key = handleKey(handle)
  await untilWon(`raise the count of handle ${handle}`, async () => {
    const stored = await ctx.handles.find(key)
    if (stored === undefined) return ctx.handles.create(key, { block: { [block]: count }, deleted: false })
    return ctx.handles.replace(stored, withCount(stored.value, block, (stored.value.block[block] ?? 0) + count))
  })
}

/**
 * Takes from the handle; its record goes with the last address. A count that is not there is only worth a warning: the
 * block is what matters, and it has been written already.
 */
export async function decrementHandle(ctx: IpamContext, { handle, block, count }: HandleCount): Promise<void> {
  const key = handleKey(handle)
  const step = async (): Promise<'done' | undefined> => {
    const stored = await ctx.handles.find(key)
    const have = stored?.value.block[block] ?? 0
    if (have < count)
      ctx.log.warn('IPAM handle counts fewer addresses than were released', { handle, block, have, count })
    if (stored === undefined || have === 0) return 'done'
    return (await write(ctx, stored, withCount(stored.value, block, have - count))) ? 'done' : undefined
  }
  await patiently(() => untilWon(`lower the count of handle ${handle}`, step))
}

async function write(ctx: IpamContext, stored: Stored<IpamHandle>, lowered: IpamHandle): Promise<boolean> {
  if (Object.keys(lowered.block).length === 0) return ctx.handles.remove(stored)
  return (await ctx.handles.replace(stored, lowered, () => true)) !== undefined
}

function withCount(handle: IpamHandle, block: Cidr, count: number): IpamHandle {
  const counts = Object.entries({ ...handle.block, [block]: count })
  return { ...handle, block: Object.fromEntries(counts.filter(([, each]) => each > 0)) }
}
