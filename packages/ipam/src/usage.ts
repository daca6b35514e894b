/** How full the pools are and who borrowed what: the figures of `calicoctl ipam show`. Pure. */
import { cidrContains, cidrSize, ipVersion, type Cidr, type Ip, type IpamBlock } from '@calico-node/model'
import { countCovered, inRanges } from './address-ranges.ts'
import { allocationsOf, type Allocation } from './block.ts'
import { findOwner } from './owner.ts'
import type { Pool } from './pools.ts'
import type { Reservations } from './surroundings.ts'

export interface Usage {
  readonly cidr: Cidr
  readonly total: bigint
  readonly inUse: bigint
  /** Kept back by reservations and not in use. */
  readonly reserved: bigint
  readonly free: bigint
}

export interface PoolUsage extends Usage {
  readonly name: string
  readonly blocks: readonly BlockUsage[]
}

export interface BlockUsage extends Usage {
  /** The `affinity` of the block. */
  readonly affinity: string | null
}

export interface Borrowed {
  readonly ip: Ip
  readonly block: Cidr
  readonly blockOwner: string | null
  readonly borrower: string
  readonly allocation: Allocation
}

export interface IpamUsage {
  readonly pools: readonly PoolUsage[]
  /** Blocks that lie in no pool. */
  readonly stray: readonly BlockUsage[]
  readonly borrowed: readonly Borrowed[]
}

export function usageOf(pools: readonly Pool[], blocks: readonly IpamBlock[], reservations: Reservations): IpamUsage {
  const usageOfBlock = (block: IpamBlock): BlockUsage => {
    const used = allocationsOf(block)
    return {
      ...figures(
        block.cidr,
        used.map(({ ip }) => ip),
        reservations,
      ),
      affinity: block.affinity,
    }
  }
  const usageOfPool = ({ metadata, spec: { cidr } }: Pool): PoolUsage => {
    const inside = blocks.filter((block) => cidrContains(cidr, block.cidr))
    const used = inside.flatMap(allocationsOf).map(({ ip }) => ip)
    return { name: metadata.name, ...figures(cidr, used, reservations), blocks: inside.map(usageOfBlock) }
  }
  const stray = blocks.filter((block) => !pools.some(({ spec }) => cidrContains(spec.cidr, block.cidr)))
  return { pools: pools.map(usageOfPool), stray: stray.map(usageOfBlock), borrowed: blocks.flatMap(borrowedFrom) }
}

function figures(cidr: Cidr, used: readonly Ip[], reservations: Reservations): Usage {
  const ranges = reservations[ipVersion(cidr)]
  const total = cidrSize(cidr)
  const inUse = BigInt(used.length)
  const reserved = countCovered(ranges, cidr) - BigInt(used.filter((ip) => inRanges(ranges, ip)).length)
  return { cidr, total, inUse, reserved, free: total - inUse - reserved }
}

/** The addresses of a block that are held for another node than its owner. */
export function borrowedFrom(block: IpamBlock): Borrowed[] {
  const owner = findOwner(block.affinity)
  return allocationsOf(block).flatMap((allocation) => {
    const borrower = allocation.attributes['node']
    if (borrower === undefined || (owner?.kind === 'host' && owner.name === borrower)) return []
    return [{ ip: allocation.ip, block: block.cidr, blockOwner: block.affinity, borrower, allocation }]
  })
}
