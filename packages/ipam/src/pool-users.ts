import { CalicoError } from '@calico-node/core'
import { BLOCK_PREFIX, cidrBase, cidrContains, type Cidr, type Ip } from '@calico-node/model'
import { allocationsOf, type Allocation } from './block.ts'
import type { IpamContext } from './context.ts'
import { isForTunnel } from './tunnel-plan.ts'

/** What stands in the way of deleting a pool. */
export interface PoolUsers {
  /** Addresses of the pool that IPAM has given away; not those of tunnels, which nodes exchange by themselves. */
  readonly allocations: readonly Allocation[]
  /** Endpoints with an address of the pool, by IPAM or not. */
  readonly endpoints: readonly { readonly namespace: string; readonly name: string; readonly ips: readonly Ip[] }[]
}

export async function poolUsers(ctx: IpamContext, pool: Cidr): Promise<PoolUsers> {
  const { records } = await ctx.blocks.list(BLOCK_PREFIX)
  const allocations = records
    .flatMap(({ value }) => allocationsOf(value))
    .filter((allocation) => cidrContains(pool, allocation.ip) && !isForTunnel(allocation))
  const endpoints = (await ctx.client.resources('WorkloadEndpoint').list()).flatMap(({ metadata, spec }) => {
    const ips = (spec.ipNetworks ?? []).map(cidrBase).filter((ip) => cidrContains(pool, ip))
    return ips.length === 0 ? [] : [{ namespace: metadata.namespace ?? '', name: metadata.name, ips }]
  })
  return { allocations, endpoints }
}

/** @throws IN_USE, naming the first of those that use the pool; all of them are in the context */
export async function assertPoolUnused(ctx: IpamContext, pool: Cidr): Promise<void> {
  const users = await poolUsers(ctx, pool)
  const told = new Set(users.endpoints.flatMap(({ ips }) => ips))
  const names = [
    ...users.endpoints.map(({ namespace, name, ips }) => `endpoint ${namespace}/${name} (${ips.join(', ')})`),
    ...users.allocations
      .filter(({ ip }) => !told.has(ip))
      .map(({ ip, handle, attributes }) => `${ip} (${handle ?? attributes['node'] ?? 'no handle'})`),
  ]
  if (names.length === 0) return
  const shown = names.slice(0, 5).join(', ')
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  throw new CalicoError('IN_USE', `Cannot delete pool ${pool}: it is used by ${shown}${more}`, { context: { users } })
}
