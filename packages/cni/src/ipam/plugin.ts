/**
 * The IPAM plugin: addresses from Calico's pools, kept under the handle `<network>.<container>`.
 *
 * A container may be on one network with several interfaces, which then share the handle: what another of its endpoints
 * has is not touched. Everything else under the handle was left by an attempt that died; ADD goes on with it.
 */
import { CalicoError, hasCode } from '@calico-node/core'
import { printTimestamp, unixNanoseconds } from '@calico-node/ipam'
import { hostCidr, ipVersion, parseIpInterface, type Cidr, type Ip } from '@calico-node/model'
import { listContainerEndpoints } from '../endpoints.ts'
import { attachmentOf } from '../identity.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import { parseResult, type Result } from '../protocol/result.ts'
import { assertReady, type Session } from '../session.ts'
import { wishesOf, type Wish } from './wishes.ts'

/** Assigns what the configuration asks for, all or nothing. Repeating it gives the same addresses. */
export async function addAddresses(session: Session): Promise<Result> {
  const { client, request, conf, ipam } = session
  const { handle } = attachmentOf(request, session.node)
  const [wishes, left] = await Promise.all([wishesOf(client, request, conf), ownAddresses(session)])
  const ips: Ip[] = []
  const fresh: Ip[] = []
  try {
    for (const wish of wishes) {
      const at = left.findIndex((ip) => fits(ip, wish))
      const [known] = at < 0 ? [] : left.splice(at, 1)
      const ip = known ?? (await assign(session, wish))
      if (known === undefined) fresh.push(ip)
      ips.push(ip)
    }
  } catch (err) {
    await ipam
      .releaseIps(fresh.map((ip) => ({ ip, handle })))
      .catch((cause: unknown) => session.log.warn('Cannot give addresses back', { ips: fresh, handle, err: cause }))
    throw err
  }
  if (left.length > 0) await ipam.releaseIps(left.map((ip) => ({ ip, handle })))
  return { interfaces: [], ips: ips.map((ip) => ({ address: parseIpInterface(hostCidr(ip)) })), routes: [], dns: {} }
}

const fits = (ip: Ip, wish: Wish): boolean => {
  if ('ip' in wish) return wish.ip === ip
  return ipVersion(ip) === wish.version && wish.pools === undefined
}

/** Gives back what the interface has. Fine when there is nothing. */
export async function releaseAddresses(session: Session): Promise<void> {
  const { request, node, ipam } = session
  const { handle } = attachmentOf(request, node)
  const others = await addressesOfOthers(session)
  if (others.size === 0) {
    await ipam.releaseByHandle(handle).catch(ignoreAbsent)
    return
  }
  const own = (await ipam.ipsByHandle(handle)).filter((ip) => !others.has(hostCidr(ip)))
  await ipam.releaseIps(own.map((ip) => ({ ip, handle })))
}

/** @throws CniError when the addresses of `prevResult` are no longer this interface's */
export async function checkAddresses(session: Session): Promise<void> {
  const { request, ipam, node } = session
  const { handle } = attachmentOf(request, node)
  const held = new Set(await ipam.ipsByHandle(handle))
  for (const { address } of parseResult(request.config['prevResult'], 'prevResult').ips) {
    if (!held.has(address.ip)) {
      throw new CniError(CNI_CODE.plugin, `${address.ip} is not assigned to ${handle} in Calico's IPAM`)
    }
  }
}

async function ownAddresses(session: Session): Promise<Ip[]> {
  const held = await session.ipam.ipsByHandle(attachmentOf(session.request, session.node).handle)
  if (held.length === 0) return []
  const others = await addressesOfOthers(session)
  return held.filter((ip) => !others.has(hostCidr(ip)))
}

/** What the other endpoints of the container have. */
async function addressesOfOthers({ client, request, node }: Session): Promise<ReadonlySet<Cidr>> {
  const { id } = attachmentOf(request, node)
  const endpoints = await listContainerEndpoints(client, id)
  return new Set(
    endpoints
      .filter(
        ({ spec }) =>
          (spec.containerID ?? request.containerId) === request.containerId && spec.endpoint !== id.endpoint,
      )
      .flatMap(({ spec }) => spec.ipNetworks ?? []),
  )
}

async function assign({ ipam, node, request, pod }: Session, wish: Wish): Promise<Ip> {
  const { handle, attributes: named } = attachmentOf(request, node)
  const attributes = { ...named, timestamp: printTimestamp(unixNanoseconds()) }
  if ('ip' in wish) {
    await ipam.assignIp({ node, ip: wish.ip, handle, attributes })
    return wish.ip
  }
  const { version, pools } = wish
  const { ips, shortfall } = await ipam.autoAssign({
    node,
    version,
    use: 'Workload',
    handle,
    attributes,
    ...(pools !== undefined && { pools }),
    ...(pod !== undefined && { namespaceLabels: pod.namespaceLabels }),
  })
  const [first] = ips
  if (first !== undefined) return first.ip
  throw shortfall ?? new CalicoError('EXHAUSTED', `Cannot assign an IPv${version} address: no pool has one left`)
}

/** STATUS. @throws CniError */
export async function checkStatus({ client }: Session): Promise<void> {
  await assertReady(client)
}

function ignoreAbsent(err: unknown): void {
  if (!hasCode(err, 'NOT_FOUND')) throw err
}
