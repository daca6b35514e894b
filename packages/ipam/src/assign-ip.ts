import { CalicoError } from '@calico-node/core'
import { blockKey, cidrOf, type Ip, type IpamBlock, type NodeName } from '@calico-node/model'
import { claimBlock } from './affinity.ts'
import { writeAllocation, type Taken } from './allocation.ts'
import { assignAddress } from './block.ts'
import { readConfig } from './config.ts'
import type { IpamContext } from './context.ts'
import { holderOf } from './holder.ts'
import { affinityText, hostOwner } from './owner.ts'
import { getEnabledPool } from './pools.ts'
import type { Stored } from './records.ts'
import { readPools } from './surroundings.ts'

export interface AssignIpRequest {
  readonly node: NodeName
  readonly ip: Ip
  readonly handle?: string
  /** Stored with the address; `node` is added. */
  readonly attributes?: Readonly<Record<string, string>>
}

/**
 * Assigns one given address. Selectors, uses, assignment mode and reservations do not matter: whoever names an address
 * means it.
 *
 * @throws INVALID when no enabled pool holds it; ALREADY_EXISTS, with the holder in the context; CONFLICT when affinity is
 *   strict and the block is another node's
 */
export async function assignIp(ctx: IpamContext, request: AssignIpRequest): Promise<void> {
  const { node, ip } = request
  const pool = getEnabledPool(await readPools(ctx), ip)
  const { strictAffinity } = await readConfig(ctx)
  const owner = hostOwner(node)
  const cidr = cidrOf(ip, pool.spec.blockSize)
  const obtain = async (): Promise<Stored<IpamBlock>> => {
    for (;;) {
      const existing = await ctx.blocks.find(blockKey(cidr))
      if (existing !== undefined && existing.value.affinity !== affinityText(owner)) {
        if (!strictAffinity) return existing
        const whose = existing.value.affinity ?? 'nobody'
        throw new CalicoError('CONFLICT', `Cannot assign ${ip} to ${node}: its block ${cidr} belongs to ${whose}`)
      }
      const claimed = await claimBlock(ctx, { owner, cidr })
      if (claimed !== 'taken') return claimed
    }
  }
  const holder = holderOf(ctx, request)
  const take = (block: IpamBlock): Taken => ({ block: assignAddress(block, ip, holder), ips: [ip] })
  await writeAllocation(ctx, { holder, obtain, take })
}
