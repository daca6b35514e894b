import type { CalicoClient } from '@calico-node/datastore'
import { findCidr, findIp, ipVersion, type Cidr, type Ip, type IpVersion } from '@calico-node/model'
import type { NetConf } from '../config/net-conf.ts'
import { CNI_CODE, CniError } from '../protocol/error.ts'
import type { Request } from '../protocol/request.ts'

/** One address that is wanted: just this one, or any of a family, from certain pools or from all. */
export type Wish =
  | { readonly version: IpVersion; readonly ip: Ip }
  | { readonly version: IpVersion; readonly pools: readonly Cidr[] | undefined }

/** What the configuration and the arguments ask for. @throws CniError */
export async function wishesOf(client: CalicoClient, { args }: Request, conf: NetConf): Promise<readonly Wish[]> {
  const fixed = requestedIps(args.get('IP'), conf)
  if (fixed.length > 0) return fixed.map((ip) => ({ version: ipVersion(ip), ip }))
  const { assign_ipv4: four, assign_ipv6: six, ipv4_pools: pools4, ipv6_pools: pools6 } = conf.ipam
  const wishes: Wish[] = []
  if (four) wishes.push({ version: 4, pools: await poolCidrs(client, pools4, 4) })
  if (six) wishes.push({ version: 6, pools: await poolCidrs(client, pools6, 6) })
  if (wishes.length > 0) return wishes
  throw new CniError(CNI_CODE.invalidConfig, 'no address is asked for: assign_ipv4 and assign_ipv6 are both off')
}

/** The roads to an address of one's choice, the most particular first. */
function requestedIps(argument: string | undefined, { ipam, runtimeConfig, args }: NetConf): readonly Ip[] {
  const roads = [argument?.split(',') ?? [], runtimeConfig.ips, args.cni.ips, ipam.args.ip.split(',')]
  const texts = roads.map((road) => road.filter((text) => text !== '')).find((road) => road.length > 0) ?? []
  return texts.map((text) => {
    const ip = findIp(text.replace(/\/\d+$/, ''))
    if (ip === undefined) throw new CniError(CNI_CODE.invalidConfig, `cannot assign "${text}": it is not an IP address`)
    return ip
  })
}

/** @param pools CIDRs or names of pools. @returns Undefined for "any". */
async function poolCidrs(
  client: CalicoClient,
  pools: readonly string[],
  version: IpVersion,
): Promise<readonly Cidr[] | undefined> {
  if (pools.length === 0) return undefined
  const cidrs = await Promise.all(
    pools.map(async (text) => findCidr(text) ?? (await client.resources('IPPool').find(text))?.spec.cidr ?? text),
  )
  return cidrs.map((text) => {
    const cidr = findCidr(text)
    if (cidr !== undefined && ipVersion(cidr) === version) return cidr
    throw new CniError(CNI_CODE.invalidConfig, `ipv${version}_pools: "${text}" is no IPv${version} pool`)
  })
}
