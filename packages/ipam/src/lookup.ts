/** Finding what the records say about an address or a handle. */
import {
  BLOCK_PREFIX,
  blockKey,
  cidrContains,
  cidrOf,
  handleKey,
  parseCidr,
  type Cidr,
  type Ip,
} from '@calico-node/model'
import { findAllocation, heldBy, ordinalOf, type Allocation } from './block.ts'
import type { IpamContext } from './context.ts'
import { findPool } from './pools.ts'
import { readPools } from './surroundings.ts'

/**
 * The block of each address; addresses without one are left out. Usually the pool tells the block's size; blocks that no
 * pool explains (any more) are found by looking through all of them.
 */
export async function locateBlocks(ctx: IpamContext, ips: readonly Ip[]): Promise<ReadonlyMap<Ip, Cidr>> {
  const pools = await readPools(ctx)
  const guesses = Map.groupBy(ips, (ip) => {
    const pool = findPool(pools, ip)
    return pool && cidrOf(ip, pool.spec.blockSize)
  })
  const found = new Map<Ip, Cidr>()
  for (const [cidr, group] of guesses) {
    if (cidr === undefined || (await ctx.blocks.find(blockKey(cidr))) === undefined) continue
    for (const ip of group) found.set(ip, cidr)
  }
  const rest = ips.filter((ip) => !found.has(ip))
  if (rest.length === 0) return found
  const { records } = await ctx.blocks.list(BLOCK_PREFIX)
  for (const ip of rest) {
    const holder = records.find(({ value }) => cidrContains(value.cidr, ip))
    if (holder !== undefined) found.set(ip, holder.value.cidr)
  }
  return found
}

/** Who holds the address; undefined when nobody does. */
export async function findHolder(ctx: IpamContext, ip: Ip): Promise<Allocation | undefined> {
  const cidr = (await locateBlocks(ctx, [ip])).get(ip)
  const stored = cidr && (await ctx.blocks.find(blockKey(cidr)))
  return stored && findAllocation(stored.value, ordinalOf(stored.value, ip))
}

/** The addresses that the handle holds; none when there is no such handle. */
export async function ipsByHandle(ctx: IpamContext, handle: string): Promise<readonly Ip[]> {
  const record = await ctx.handles.find(handleKey(handle))
  const ips: Ip[] = []
  for (const cidr of Object.keys(record?.value.block ?? {})) {
    const stored = await ctx.blocks.find(blockKey(parseCidr(cidr)))
    if (stored !== undefined) ips.push(...heldBy(stored.value, handle).map(({ ip }) => ip))
  }
  return ips
}
