/**
 * IP address management: which address belongs to whom, cluster-wide and without a coordinator.
 *
 *   pool  --cut into-->  blocks  --claimed by-->  nodes  --hold-->  allocations  <--counted by--  handles
 *
 * A block is one record: its addresses, who holds each, and whose block it is. Everything that gives an address away or
 * takes it back replaces the whole block by compare-and-swap, so two processes can never be given one address. Affinity and
 * handle records are indexes around the blocks, kept in an order of writes that leaves them repairable at any moment. The
 * decisions are pure functions (block.ts, pools.ts, block-walk.ts); the rest reads, asks them, and writes.
 *
 * Layout and semantics are those of Calico's IPAM, which may work on the same store at the same time.
 */
import type { Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import {
  BLOCK_PREFIX,
  decodeAffinity,
  decodeBlock,
  decodeHandle,
  decodeIpamConfig,
  encodeAffinity,
  encodeBlock,
  encodeHandle,
  encodeIpamConfig,
  type Cidr,
  type Ip,
  type IpamConfig,
  type NodeName,
  type Resource,
} from '@calico-node/model'
import { claimBlock, releaseBlock, type ReleaseAffinityOptions } from './affinity.ts'
import { assignIp, type AssignIpRequest } from './assign-ip.ts'
import { autoAssign, type AutoAssigned, type AutoAssignRequest } from './auto-assign.ts'
import type { Allocation, ReleaseRequest } from './block.ts'
import { changeConfig, readConfig } from './config.ts'
import type { IpamContext } from './context.ts'
import { findHolder, ipsByHandle } from './lookup.ts'
import { releaseOwner, releasePool, type ReleasedBlocks } from './owned-blocks.ts'
import { hostOwner } from './owner.ts'
import { assertPoolUnused, poolUsers, type PoolUsers } from './pool-users.ts'
import { Records } from './records.ts'
import { releaseByHandle, releaseIps, type ReleaseResult } from './release.ts'
import { readPools, readReservations } from './surroundings.ts'
import { unixNanoseconds } from './timestamp.ts'
import { ensureTunnelAddresses } from './tunnel-addresses.ts'
import type { TunnelOptions } from './tunnel-plan.ts'
import { usageOf, type IpamUsage } from './usage.ts'

export interface IpamOptions {
  readonly client: CalicoClient
  readonly log: Logger
  /** Clock in Unix nanoseconds. Default: the system's. */
  readonly now?: () => bigint
  /** Uniform in [0, 1). Default `Math.random`. */
  readonly random?: () => number
}

/** Every operation may also throw STORE_UNAVAILABLE, FORBIDDEN, and CONFLICT after too many lost races. */
export class Ipam {
  readonly #ctx: IpamContext

  constructor({ client, log, now = unixNanoseconds, random = Math.random }: IpamOptions) {
    const { store } = client
    this.#ctx = {
      client,
      now,
      random,
      log: log.child({ component: 'ipam' }),
      blocks: new Records(store, { decode: (kv) => decodeBlock(kv.value, kv), encode: encodeBlock }),
      affinities: new Records(store, { decode: (kv) => decodeAffinity(kv.value, kv), encode: encodeAffinity }),
      handles: new Records(store, { decode: (kv) => decodeHandle(kv.value, kv), encode: encodeHandle }),
      config: new Records(store, { decode: (kv) => decodeIpamConfig(kv.value, kv), encode: encodeIpamConfig }),
    }
  }

  /**
   * Takes any free addresses of the pools that are meant for the node.
   *
   * @returns Possibly fewer than asked for, with the reason: it is the caller's to keep or to release them.
   * @throws INVALID for a requested pool that does not exist or is disabled, or an impossible handle; NOT_FOUND when the node
   *   does not exist or no pool is meant for it
   */
  autoAssign(request: AutoAssignRequest): Promise<AutoAssigned> {
    return autoAssign(this.#ctx, request)
  }

  /**
   * Takes one given address, whatever its pool selects and reserves.
   *
   * @throws INVALID when no enabled pool holds it; ALREADY_EXISTS, with the holder in the context; CONFLICT when affinity is
   *   strict and the block is another node's
   */
  assignIp(request: AssignIpRequest): Promise<void> {
    return assignIp(this.#ctx, request)
  }

  /** @throws CONFLICT when a request names another handle or sequence number than the allocation has; the rest is released */
  releaseIps(requests: readonly ReleaseRequest[]): Promise<ReleaseResult> {
    return releaseIps(this.#ctx, requests)
  }

  /** @throws NOT_FOUND when there is no such handle */
  releaseByHandle(handle: string): Promise<readonly Ip[]> {
    return releaseByHandle(this.#ctx, handle)
  }

  /** None when there is no such handle. */
  ipsByHandle(handle: string): Promise<readonly Ip[]> {
    return ipsByHandle(this.#ctx, handle)
  }

  /** Who holds the address; undefined when nobody does. */
  findHolder(ip: Ip): Promise<Allocation | undefined> {
    return findHolder(this.#ctx, ip)
  }

  /** Makes a block the node's, ahead of need. @returns False when it belongs to somebody else. */
  async claimBlock(node: NodeName, block: Cidr): Promise<boolean> {
    return (await claimBlock(this.#ctx, { owner: hostOwner(node), cidr: block })) !== 'taken'
  }

  /** @throws NOT_FOUND; IN_USE; CONFLICT when the block is not the node's */
  releaseBlock(node: NodeName, block: Cidr, opts: ReleaseAffinityOptions): Promise<void> {
    return releaseBlock(this.#ctx, { owner: hostOwner(node), cidr: block }, opts)
  }

  /** Releases all blocks of a node, as when it is deleted. */
  releaseNode(node: NodeName, opts: ReleaseAffinityOptions): Promise<ReleasedBlocks> {
    return releaseOwner(this.#ctx, hostOwner(node), opts)
  }

  /** Releases all blocks of a pool from their owners, as when it is deleted. */
  releasePool(pool: Cidr, opts: ReleaseAffinityOptions): Promise<ReleasedBlocks> {
    return releasePool(this.#ctx, pool, opts)
  }

  /** What stands in the way of deleting a pool. */
  poolUsers(pool: Cidr): Promise<PoolUsers> {
    return poolUsers(this.#ctx, pool)
  }

  /** @throws IN_USE, naming who uses the pool */
  assertPoolUnused(pool: Cidr): Promise<void> {
    return assertPoolUnused(this.#ctx, pool)
  }

  /** Gives the node the tunnel addresses that the pools call for and writes them into its Node resource. Idempotent. */
  ensureTunnelAddresses(node: NodeName, opts: TunnelOptions = {}): Promise<Resource<'Node'>> {
    return ensureTunnelAddresses(this.#ctx, node, opts)
  }

  config(): Promise<IpamConfig> {
    return readConfig(this.#ctx)
  }

  /** Changes the given settings. @throws INVALID when the result makes no sense */
  configure(change: Partial<IpamConfig>): Promise<IpamConfig> {
    return changeConfig(this.#ctx, change)
  }

  /** How full pools and blocks are, and who borrowed what. */
  async usage(): Promise<IpamUsage> {
    const { records } = await this.#ctx.blocks.list(BLOCK_PREFIX)
    const blocks = records.map(({ value }) => value)
    return usageOf(await readPools(this.#ctx), blocks, await readReservations(this.#ctx))
  }
}
