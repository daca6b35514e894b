/**
 * What a BIRD of ours left in the kernel when this node stopped to run one. BIRD leaves its routes when it ends, on purpose;
 * after a change of the backend nobody would ever follow their changes again. An operator's own BIRD writes routes with the
 * same protocol number, so ours are known by two things together: a file says that we ran BIRD, and the prefix is a pool's.
 */
import { existsSync, rmSync } from 'node:fs'
import type { Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { type KernelRoute, listRoutes, removeRoutes, ROUTE_PROTOCOL_BIRD } from '@calico-node/linux'
import { type Cidr, cidrContains, parseCidr } from '@calico-node/model'
import { writeWhole } from '../files.ts'

/** Pure: which of the kernel's routes were our BIRD's. */
export const formerBirdRoutes = (routes: readonly KernelRoute[], pools: readonly Cidr[]): KernelRoute[] =>
  routes.filter(
    ({ protocol, dst }) => protocol === ROUTE_PROTOCOL_BIRD && pools.some((pool) => cidrContains(pool, dst)),
  )

/** Remembers that BIRD runs here. */
export const rememberBird = (stateFile: string): void => writeWhole(stateFile, '')

/** Removes the routes of a BIRD that ran here before; nothing when none did. */
export async function forgetBird(client: CalicoClient, stateFile: string, log: Logger): Promise<void> {
  if (!existsSync(stateFile)) return
  const pools = (await client.resources('IPPool').list()).map(({ spec }) => parseCidr(spec.cidr))
  for (const ipVersion of [4, 6] as const) {
    const routes = formerBirdRoutes(await listRoutes(ipVersion), pools)
    await removeRoutes(routes.map((route) => ({ ...route, ipVersion })))
    if (routes.length > 0)
      log.info('Removed routes that BIRD had left: this node runs none any more', {
        routes: routes.map(({ dst }) => dst),
      })
  }
  rmSync(stateFile, { force: true })
}
