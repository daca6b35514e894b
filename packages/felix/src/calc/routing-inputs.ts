/** Nodes, allocation blocks and the cluster's BGPConfiguration as the graph sees them. */
import { CalicoError } from '@calico-node/core'
import {
  type Cidr,
  decodeBlock,
  findCidr,
  findIpInterface,
  findNodeName,
  type Ip,
  type IpInterface,
  type IpamBlock,
  ipFromBigInt,
  ipToBigInt,
  cidrBase,
  ipVersion,
  NAME_RULE,
  type Resource,
} from '@calico-node/model'
import { parseSelector } from '@calico-node/selector'
import type { BlockInput, ClusterBgpInput, NodeInput, PlacedIp, TunnelAddress, WorkloadPeerInput } from './inputs.ts'

/**
 * The address of each IP version that other nodes know this one by: of BGP, else internal, else external.
 *
 * @throws INVALID for a name with capitals, which would be the name of a second Node in other case
 */
export function nodeInput({ metadata, spec }: Resource<'Node'>): NodeInput {
  const name = findNodeName(metadata.name)
  if (name === undefined) throw new CalicoError('INVALID', `metadata.name = "${metadata.name}": must be ${NAME_RULE}`)
  const { bgp, addresses = [] } = spec
  const ofType = (wanted: string): string[] =>
    addresses.filter(({ type }) => type === wanted).map(({ address }) => address)
  const candidates = [bgp?.ipv4Address, bgp?.ipv6Address, ...ofType('InternalIP'), ...ofType('ExternalIP')]
  const found = candidates.flatMap((text) => findIpInterface(text ?? '') ?? [])
  const chosen = [4, 6].flatMap((version) => found.find(({ ip }) => ipVersion(ip) === version) ?? [])
  return {
    name,
    ips: chosen.map(({ ip }) => ip),
    subnets: chosen.map(({ cidr }: IpInterface) => cidr),
    tunnels: tunnelAddresses(spec),
  }
}

function tunnelAddresses({
  bgp,
  ipv4VXLANTunnelAddr: four,
  ipv6VXLANTunnelAddr: six,
  vxlanTunnelMACAddr: mac4,
  vxlanTunnelMACAddrV6: mac6,
}: Resource<'Node'>['spec']): TunnelAddress[] {
  const ipip = bgp?.ipv4IPIPTunnelAddr
  return [
    ...(four === undefined ? [] : [{ kind: 'vxlan' as const, ip: four, ...(mac4 !== undefined && { mac: mac4 }) }]),
    ...(six === undefined ? [] : [{ kind: 'vxlan-v6' as const, ip: six, ...(mac6 !== undefined && { mac: mac6 }) }]),
    ...(ipip === undefined ? [] : [{ kind: 'ipip' as const, ip: ipip }]),
  ]
}

const OWNER = 'host:'

/** @throws INVALID */
export function blockInput(key: string, json: string): BlockInput {
  const block = decodeBlock(json, { key })
  const { cidr, affinity } = block
  const owner = affinity?.startsWith(OWNER) === true ? findNodeName(affinity.slice(OWNER.length)) : undefined
  const placed = placedIps(block)
  return {
    cidr,
    owner,
    borrowed: placed.filter(({ node }) => node !== owner).map(({ ip, node }) => ({ ip, node })),
    tunnels: placed.filter(({ isTunnel }) => isTunnel).map(({ ip, node }) => ({ ip, node })),
  }
}

/** The allocations that say which node they are on. */
function placedIps({ cidr, allocations, attributes }: IpamBlock): (PlacedIp & { readonly isTunnel: boolean })[] {
  const base = ipToBigInt(cidrBase(cidr))
  const version = ipVersion(cidr)
  const ipAt = (ordinal: number): Ip => ipFromBigInt(base + BigInt(ordinal), version)
  return allocations.flatMap((index, ordinal) => {
    const secondary = index === null ? undefined : attributes[index]?.secondary
    const node = findNodeName(secondary?.['node'] ?? '')
    if (node === undefined) return []
    return [{ ip: ipAt(ordinal), node, isTunnel: secondary?.['type']?.endsWith('TunnelAddress') === true }]
  })
}

/** Undefined for a peer that is not chosen among workloads. */
export function workloadPeerInput({ metadata, spec }: Resource<'BGPPeer'>): WorkloadPeerInput | undefined {
  const { localWorkloadSelector: text } = spec
  return text === undefined ? undefined : { name: metadata.name, selector: parseSelector(text) }
}

/** BIRD programs routes unless it is told not to; IP-in-IP alone is told so, too, and is never BIRD's here. */
const PROGRAMS_NOTHING = new Set<string | undefined>(['Disabled', 'EnabledIPIPOnly'])

/** Only the configuration of the cluster matters. */
export function clusterBgpInput({ metadata, spec }: Resource<'BGPConfiguration'>): ClusterBgpInput | undefined {
  if (metadata.name !== 'default') return undefined
  const { serviceClusterIPs = [], serviceExternalIPs = [], serviceLoadBalancerIPs = [] } = spec
  const texts = [...serviceClusterIPs, ...serviceExternalIPs, ...serviceLoadBalancerIPs].map(({ cidr }) => cidr)
  const serviceNetworks: Cidr[] = [...new Set(texts.flatMap((text) => findCidr(text) ?? []))]
  return { serviceNetworks, programsRoutes: !PROGRAMS_NOTHING.has(spec.programClusterRoutes) }
}
