import { assertNever, CalicoError } from '@calico-node/core'
import type { Cidr, Ip, NodeName, NodeResource } from '@calico-node/model'
import { assignIp } from './assign-ip.ts'
import { autoAssign } from './auto-assign.ts'
import type { IpamContext } from './context.ts'
import { findHolder, ipsByHandle } from './lookup.ts'
import { releaseIps } from './release.ts'
import { readPools } from './surroundings.ts'
import {
  planTunnel,
  tunnelAddress,
  tunnelAttributes,
  tunnelHandle,
  TUNNEL_KINDS,
  tunnelPools,
  tunnelVersion,
  withTunnelAddress,
  type TunnelKind,
  type TunnelOptions,
} from './tunnel-plan.ts'

/** What one kind of tunnel comes to. */
interface Outcome {
  readonly tunnel: TunnelKind
  /** The address that the Node is to name. */
  readonly ip: Ip | undefined
  /** Whether `ip` was assigned just now. */
  readonly isFresh: boolean
  /** What the handle held before and shall not hold any longer. */
  readonly stale: readonly Ip[]
}

/**
 * Gives the node the tunnel addresses that the pools call for and writes them into its Node resource, in one update. To be
 * called at start, and whenever a pool, the node's labels or its WireGuard key changed. Idempotent. An address that is
 * replaced is released only after the Node names the new one.
 *
 * @returns The Node as it is now.
 * @throws NOT_FOUND when the Node does not exist; EXHAUSTED when a pool is full; STORE_UNAVAILABLE. Addresses that were
 *   assigned by then are released again.
 */
export async function ensureTunnelAddresses(
  ctx: IpamContext,
  node: NodeName,
  opts: TunnelOptions = {},
): Promise<NodeResource> {
  const nodes = ctx.client.resources('Node')
  const before = await nodes.get(node)
  const pools = await readPools(ctx)
  const outcomes: Outcome[] = []
  const update = async (): Promise<NodeResource> => {
    for (const tunnel of TUNNEL_KINDS) {
      const job = { ctx, node, tunnel, pools: tunnelPools(tunnel, pools, before, opts) }
      outcomes.push(await settle(job, before))
    }
    const changed = outcomes.filter(({ tunnel, ip }) => ip !== tunnelAddress(tunnel, before))
    if (changed.length === 0) return before
    return (await nodes.modify(node, undefined, (latest) => withAddresses(latest, changed))) ?? before
  }
  const after = await update().catch(async (err: unknown) => {
    const fresh = outcomes.flatMap(({ tunnel, ip, isFresh }) => (ip !== undefined && isFresh ? [{ tunnel, ip }] : []))
    await release(ctx, node, fresh).catch((also: unknown) =>
      ctx.log.warn('Tunnel addresses leaked', { node, err: also }),
    )
    throw err
  })
  const stale = outcomes.flatMap((outcome) => outcome.stale.map((ip) => ({ tunnel: outcome.tunnel, ip })))
  await release(ctx, node, stale)
  return after
}

/** One kind of tunnel of one node. */
interface Job {
  readonly ctx: IpamContext
  readonly node: NodeName
  readonly tunnel: TunnelKind
  readonly pools: readonly Cidr[]
}

async function settle(job: Job, before: NodeResource): Promise<Outcome> {
  const { ctx, node, tunnel } = job
  const current = tunnelAddress(tunnel, before)
  const held = await ipsByHandle(ctx, tunnelHandle(tunnel, node))
  const step = planTunnel({ ...job, current, holder: current && (await findHolder(ctx, current)) })
  const stale = held.filter((ip) => step.kind !== 'keep' || ip !== step.ip)
  switch (step.kind) {
    case 'none':
      return { tunnel, ip: undefined, isFresh: false, stale }
    case 'keep':
      return { tunnel, ip: step.ip, isFresh: false, stale }
    case 'assign':
      return { tunnel, ip: await assign(job), isFresh: true, stale }
    case 'adopt':
      return { tunnel, ip: await adopt(job, step.ip), isFresh: false, stale }
    default:
      return assertNever(step)
  }
}

async function assign({ ctx, node, tunnel, pools }: Job): Promise<Ip> {
  const handle = tunnelHandle(tunnel, node)
  const attributes = tunnelAttributes(tunnel, node)
  const request = { node, version: tunnelVersion(tunnel), use: 'Tunnel', pools, handle, attributes } as const
  const { ips, shortfall } = await autoAssign(ctx, request)
  const [first] = ips
  if (first === undefined) throw shortfall ?? new CalicoError('EXHAUSTED', `Cannot assign a tunnel address to ${node}`)
  return first.ip
}

async function adopt({ ctx, node, tunnel }: Job, ip: Ip): Promise<Ip> {
  await releaseIps(ctx, [{ ip }])
  await assignIp(ctx, { node, ip, handle: tunnelHandle(tunnel, node), attributes: tunnelAttributes(tunnel, node) })
  return ip
}

const withAddresses = (node: NodeResource, outcomes: readonly Outcome[]): NodeResource =>
  outcomes.reduce((so, { tunnel, ip }) => withTunnelAddress(so, tunnel, ip), node)

interface TunnelAddress {
  readonly tunnel: TunnelKind
  readonly ip: Ip
}

async function release(ctx: IpamContext, node: string, addresses: readonly TunnelAddress[]): Promise<void> {
  const requests = addresses.map(({ tunnel, ip }) => ({ ip, handle: tunnelHandle(tunnel, node) }))
  await releaseIps(ctx, requests)
}
