import { CalicoError, waitFor } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { listAddresses, listRoutes, type Netns } from '@calico-node/linux'
import {
  hostCidr,
  ipVersion,
  isIpv4,
  parseIp,
  parseIpInterface,
  type Ip,
  type Ipv4,
  type Ipv6,
  type IpVersion,
  type NodeName,
} from '@calico-node/model'

/**
 * What the workload's default routes lead to. `host-address`: the host's own BGP address of the family. `link-local`: an
 * address that means the host's end on every link: 169.254.1.1 on the workload's first interface, 169.254.1.2 on the next,
 * and so on, or for IPv6 the link-local address of the host's end of the pair.
 */
export type GatewayKind = 'host-address' | 'link-local'

/** A gateway by family; what `host-end` stands for is known only once the pair is up. */
export type Gateways = ReadonlyMap<IpVersion, Ip | 'host-end'>

const NEXT_HOPS = Array.from({ length: 254 }, (_, at) => parseIp(`169.254.1.${at + 1}`))

export interface GatewayRequest {
  readonly node: NodeName
  readonly gateway: GatewayKind
  readonly ips: readonly Ip[]
}

/** One gateway for each family among `ips`. @throws NOT_FOUND when the host has no address of a family */
export async function chooseGateways(client: CalicoClient, request: GatewayRequest): Promise<Gateways> {
  const { node, gateway, ips } = request
  const versions = new Set(ips.map(ipVersion))
  if (gateway === 'link-local') return new Map([...versions].map((version) => [version, 'host-end']))
  const { bgp } = (await client.resources('Node').get(node)).spec
  return new Map(
    [...versions].map((version) => {
      const address = version === 4 ? bgp?.ipv4Address : bgp?.ipv6Address
      if (address !== undefined) return [version, parseIpInterface(address).ip]
      throw new CalicoError(
        'NOT_FOUND',
        `Cannot find an IPv${version} gateway: node ${node} has no IPv${version} address`,
      )
    }),
  )
}

/** The gateways as fields of an endpoint; one that is known only to the kernel is left out. */
export function gatewayFields(gateways: Gateways): { readonly ipv4Gateway?: Ipv4; readonly ipv6Gateway?: Ipv6 } {
  const [four, six] = [gateways.get(4), gateways.get(6)]
  return {
    ...(four !== undefined && four !== 'host-end' && isIpv4(four) && { ipv4Gateway: four }),
    ...(six !== undefined && six !== 'host-end' && !isIpv4(six) && { ipv6Gateway: six }),
  }
}

/** The first next hop that no other interface of the workload uses: the routes to one and the same would collide. */
export async function freeNextHop(netns: Netns, dev: string): Promise<Ip> {
  const routes = await listRoutes(4, { netns })
  const taken = new Set<string>(routes.filter((route) => route.dev !== dev).map(({ dst }) => dst))
  const free = NEXT_HOPS.find((ip) => !taken.has(hostCidr(ip)))
  if (free === undefined) throw new CalicoError('EXHAUSTED', `Cannot find a next hop for ${dev}: all are in use`)
  return free
}

/** The link-local address of an interface that is up, once it may be used. @throws TIMED_OUT */
export const linkLocalOf = (dev: string): Promise<Ip> =>
  waitFor(
    `the link-local address of ${dev}`,
    async () => {
      const addresses = await listAddresses()
      return addresses.find(
        (each) => each.dev === dev && each.scope === 'link' && ipVersion(each.ip) === 6 && !each.tentative,
      )?.ip
    },
    { deadlineMs: 5_000 },
  )
