/**
 * The pair between a workload and its host. The workload's end gets its addresses as single hosts (/32, /128) and reaches
 * everything through its gateway, for which the host answers; the host's end stays without an address. Routes to the
 * workload and the kernel parameters of the host's end are Felix's business.
 */
import { CalicoError } from '@calico-node/core'
import {
  addAddress,
  addProxyNeighbour,
  addVeth,
  createSysctl,
  deleteLink,
  demoteRoute,
  findLink,
  listLinks,
  listPlainDefaultRoutes,
  removeRoute,
  replaceRoute,
  restoreRoute,
  ROUTE_PROTOCOL_BOOT,
  setLink,
  writeSysctlIn,
  type Netns,
  type Route,
} from '@calico-node/linux'
import {
  hostCidr,
  ipVersion,
  parseCidr,
  parseIpInterface,
  type Cidr,
  type Ip,
  type IpVersion,
  type Mac,
} from '@calico-node/model'
import { freeNextHop, linkLocalOf, type Gateways } from './gateways.ts'
import { HOST_MAC } from './identity.ts'
import type { UndoStack } from './undo.ts'

export interface Veth {
  readonly hostInterface: string
  readonly netns: Netns
  /** Name of the workload's end. */
  readonly interfaceName: string
  /** MAC of the workload's end. */
  readonly mac: Mac
  readonly mtuBytes?: number | undefined
  readonly queues?: number | undefined
}

/** The two ends of a pair. */
export type Ends = Pick<Veth, 'hostInterface' | 'netns' | 'interfaceName'>

export interface Addressing {
  readonly ips: readonly Ip[]
  readonly gateways: Gateways
}

const DEFAULT_ROUTE = { 4: parseCidr('0.0.0.0/0'), 6: parseCidr('::/0') }

/**
 * Makes the pair and gives the workload its addresses and routes.
 *
 * @throws ALREADY_EXISTS when the workload has an interface of that name; COMMAND_FAILED
 */
export async function connect(veth: Veth, { ips, gateways }: Addressing, undo: UndoStack): Promise<void> {
  const { hostInterface, netns, interfaceName, mac, mtuBytes, queues } = veth
  await deleteLink(hostInterface) // of an attempt that died
  if ((await findLink(interfaceName, { netns })) !== undefined) {
    throw new CalicoError(
      'ALREADY_EXISTS',
      `Cannot create ${interfaceName}: the workload has an interface of that name`,
    )
  }
  const shape = { ...(mtuBytes !== undefined && { mtuBytes }), ...(queues !== undefined && { queues }) }
  await addVeth({ name: hostInterface, mac: HOST_MAC }, { name: interfaceName, mac, netns }, shape)
  undo.push(`delete ${hostInterface}`, () => deleteLink(hostInterface))
  if (ips.some((ip) => ipVersion(ip) === 6)) await enableIpv6(veth)
  await setLink(hostInterface, { up: true })
  await setLink(interfaceName, { up: true }, { netns })
  for (const ip of ips) await giveAddress(veth, ip)
  for (const [version, gateway] of gateways) await giveGateway(veth, { version, gateway }, undo)
  const actual = (await findLink(interfaceName, { netns }))?.mac
  if (actual === mac) return
  throw new CalicoError(
    'APPLY_FAILED',
    `Cannot connect ${interfaceName}: its MAC is ${actual ?? 'unknown'}, not ${mac}`,
  )
}

/** Container engines switch IPv6 off in namespaces without a network. Duplicates cannot be on a link of two ends. */
export async function enableIpv6({ hostInterface, netns, interfaceName }: Ends): Promise<void> {
  const sysctl = createSysctl()
  sysctl.write(`net/ipv6/conf/${hostInterface}/disable_ipv6`, '0')
  sysctl.write(`net/ipv6/conf/${hostInterface}/accept_dad`, '0')
  for (const dev of ['all', 'default', 'lo', interfaceName])
    await writeSysctlIn(netns, `net/ipv6/conf/${dev}/disable_ipv6`, '0')
  await writeSysctlIn(netns, `net/ipv6/conf/${interfaceName}/accept_dad`, '0')
}

export const giveAddress = ({ interfaceName, netns }: Omit<Ends, 'hostInterface'>, ip: Ip): Promise<void> =>
  addAddress(interfaceName, hostAddress(ip), { netns })

export const hostAddress = (ip: Ip): ReturnType<typeof parseIpInterface> => parseIpInterface(hostCidr(ip))

/** The default route of one family, in front of those that the workload has already, and the way to its gateway. */
export async function giveGateway(
  { hostInterface, netns, interfaceName: dev }: Ends,
  { version, gateway }: { readonly version: IpVersion; readonly gateway: Ip | 'host-end' },
  undo: UndoStack,
): Promise<void> {
  const isNeighbour = gateway === 'host-end' && version === 6
  const hostEnd = (): Promise<Ip> => (version === 6 ? linkLocalOf(hostInterface) : freeNextHop(netns, dev))
  const via = gateway === 'host-end' ? await hostEnd() : gateway
  const add = async (dst: Cidr, more: Pick<Route, 'scope' | 'via'>): Promise<void> => {
    await replaceRoute({ dst, kind: 'unicast', dev, protocol: ROUTE_PROTOCOL_BOOT, ...more }, { netns })
    undo.push(`remove the route to ${dst}`, () => removeRoute(dst, dev, { netns }))
  }
  if (!isNeighbour) {
    await add(hostCidr(via), { scope: 'link' })
    if (version === 6) await addProxyNeighbour(hostInterface, via)
  }
  for (const rival of await listPlainDefaultRoutes(version, { netns })) {
    if (rival.dev === dev) continue
    await demoteRoute(rival, { netns })
    undo.push(`restore the default route over ${rival.dev}`, () => restoreRoute(rival, { netns }))
  }
  await add(DEFAULT_ROUTE[version], { scope: 'global', via })
}

/** Finds the workload's end by its MAC. @throws NOT_FOUND */
export async function findWorkloadInterface(netns: Netns, mac: Mac | undefined): Promise<string> {
  const link = (await listLinks({ netns })).find((each) => each.kind === 'veth' && each.mac === mac)
  if (link !== undefined) return link.name
  throw new CalicoError(
    'NOT_FOUND',
    `Cannot find the interface with MAC ${mac ?? '(none)'} in the workload's namespace`,
  )
}
