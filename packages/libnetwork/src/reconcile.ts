/**
 * What a crash of Docker or of the host has left: endpoints whose containers are gone, and addresses without an endpoint.
 *
 * Only what was there when the plugin started is looked at: ids of endpoints and handles are never used twice, so nothing
 * that comes up meanwhile can be mistaken for a leftover, however long Docker takes to answer.
 */
import { backoffMs, sleep } from '@calico-node/core'
import { findHandleKey, HANDLE_PREFIX, hostCidr, type Cidr } from '@calico-node/model'
import { removeWorkload } from '@calico-node/workload'
import type { DriverContext } from './context.ts'
import { idOf, listEndpoints } from './endpoints.ts'
import { handlePrefix } from './ipam-driver.ts'

const DRIVER = 'calico'

export interface Suspects {
  readonly endpoints: readonly string[]
  readonly handles: readonly string[]
}

/** What is there before the first request is served. */
export async function findSuspects({ client, node }: DriverContext): Promise<Suspects> {
  const { kvs } = await client.store.list(`${HANDLE_PREFIX}${handlePrefix(node)}`)
  return {
    endpoints: (await listEndpoints(client, node)).map(({ spec }) => spec.endpoint),
    handles: kvs.flatMap(({ key }) => findHandleKey(key) ?? []),
  }
}

/** Removes those suspects that Docker does not know. Goes on asking until Docker answers or `signal` aborts. */
export async function removeOrphans(ctx: DriverContext, suspects: Suspects, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await removeUnknown(ctx, suspects, await ctx.docker.endpointIds(DRIVER))
      return
    } catch (err) {
      ctx.log[attempt === 0 ? 'info' : 'debug']('Cannot look for leftovers yet, will retry', { err })
    }
    await sleep(backoffMs(attempt, { baseMs: 1000 }), signal)
  }
}

async function removeUnknown(ctx: DriverContext, suspects: Suspects, live: ReadonlySet<string>): Promise<void> {
  const { ipam, log, node, client } = ctx
  for (const endpoint of suspects.endpoints) {
    if (live.has(endpoint)) continue
    await removeWorkload(ctx, idOf(node, endpoint), { handle: undefined })
    log.info('Removed an endpoint whose container is gone', { endpoint })
  }
  const inUse = new Set<Cidr>((await listEndpoints(client, node)).flatMap(({ spec }) => spec.ipNetworks ?? []))
  for (const handle of suspects.handles) {
    const orphans = (await ipam.ipsByHandle(handle)).filter((ip) => !inUse.has(hostCidr(ip)))
    if (orphans.length === 0) continue
    await ipam.releaseIps(orphans.map((ip) => ({ ip, handle })))
    log.info('Released addresses that no endpoint has', { ips: orphans })
  }
}
