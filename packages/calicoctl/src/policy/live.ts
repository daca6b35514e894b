/** What decides about packets, as it stands in the datastore. */
import { CalicoError, nearestName } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import {
  findCidr,
  findIp,
  ipVersion,
  legacyName,
  parseIp,
  parseIpInterface,
  type AnyResource,
  type FelixConfigurationResource,
  type Ip,
  type Kind,
  type NodeResource,
  type WorkloadEndpointResource,
} from '@calico-node/model'
import type { Failsafe, HostFacts } from '@calico-node/policy'
import { workloadOf } from '../documents/endpoints.ts'
import type { End, Surroundings } from './connection.ts'

const DECIDING: readonly Kind[] = [
  'Tier',
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'Profile',
  'GlobalNetworkSet',
  'NetworkSet',
  'HostEndpoint',
  'WorkloadEndpoint',
]

export interface Live {
  /** Everything that policy is made of. */
  readonly resources: readonly AnyResource[]
  readonly nodes: readonly NodeResource[]
  readonly felix: readonly FelixConfigurationResource[]
}

export async function readLive(client: CalicoClient): Promise<Live> {
  const lists = await Promise.all(DECIDING.map((kind) => client.resources(kind).list()))
  return {
    resources: lists.flat(),
    nodes: await client.resources('Node').list(),
    felix: await client.resources('FelixConfiguration').list(),
  }
}

const INBOUND = 'udp:68 tcp:22 tcp:179 tcp:2379 tcp:2380 tcp:5473 tcp:6443 tcp:6666 tcp:6667'
const OUTBOUND = 'udp:53 udp:67 tcp:179 tcp:2379 tcp:2380 tcp:5473 tcp:6443 tcp:6666 tcp:6667'
const VXLAN_PORT = 4789

const wordOf = (protocol: string): Failsafe['protocol'] =>
  protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp'

const defaults = (text: string): Failsafe[] =>
  text.split(' ').map((pair) => {
    const [protocol = '', port = ''] = pair.split(':')
    return { protocol: wordOf(protocol), port: Number(port) }
  })

/** One stored entry; Felix's own defaults stand in for what is missing. */
function failsafeOf(entry: unknown): Failsafe[] {
  const field = (name: string): unknown =>
    typeof entry === 'object' && entry !== null ? Reflect.get(entry, name) : undefined
  const [port, protocol, net] = [field('port'), field('protocol'), field('net')]
  if (typeof port !== 'number') return []
  const cidr = typeof net === 'string' ? findCidr(net) : undefined
  return [
    {
      protocol: wordOf(typeof protocol === 'string' ? protocol.toLowerCase() : 'tcp'),
      port,
      ...(cidr !== undefined && { net: cidr }),
    },
  ]
}

const failsafes = (stored: unknown, fallback: string): Failsafe[] =>
  Array.isArray(stored) ? stored.flatMap(failsafeOf) : defaults(fallback)

const actionOf = (text: string | undefined): HostFacts['endpointToHostAction'] =>
  text === 'Return' || text === 'Accept' ? text : 'Drop'

/** Addresses of a node that Calico knows. */
const addressesOf = ({ spec }: NodeResource): Ip[] =>
  [spec.bgp?.ipv4Address, spec.bgp?.ipv6Address]
    .filter((text) => text !== undefined)
    .map((text) => parseIpInterface(text).ip)

/**
 * @param uplink Interface that packets between nodes take; by default that of the node's only host endpoint with one.
 */
export function surroundingsOf({ resources, nodes, felix }: Live, uplink: string | undefined): Surroundings {
  const uplinkOf = (node: string): string => {
    const named = resources.flatMap((item) =>
      item.kind === 'HostEndpoint' &&
      item.spec.node === node &&
      item.spec.interfaceName !== undefined &&
      item.spec.interfaceName !== '*'
        ? [item.spec.interfaceName]
        : [],
    )
    return uplink ?? named[0] ?? 'eth0'
  }
  return {
    uplink: uplinkOf,
    facts: (node) => {
      const layers = ['default', `node.${node}`].map(
        (name) => felix.find(({ metadata }) => metadata.name === name)?.spec ?? {},
      )
      const spec: FelixConfigurationResource['spec'] = Object.assign({}, ...layers)
      const own = nodes.find(({ metadata }) => metadata.name === node)
      return {
        node,
        interfaces: new Map([[uplinkOf(node), own === undefined ? [] : addressesOf(own)]]),
        endpointToHostAction: actionOf(spec.defaultEndpointToHostAction),
        failsafeInbound: failsafes(spec.failsafeInboundHostPorts, INBOUND),
        failsafeOutbound: failsafes(spec.failsafeOutboundHostPorts, OUTBOUND),
        vxlanPort: spec.vxlanPort ?? VXLAN_PORT,
      }
    },
  }
}

const endpointName = ({ metadata }: WorkloadEndpointResource): string => `${metadata.namespace ?? ''}/${metadata.name}`
const ipsOf = ({ spec }: WorkloadEndpointResource): Ip[] =>
  (spec.ipNetworks ?? []).map((net) => parseIp(net.split('/', 1)[0] ?? ''))

const workloadEnd = (endpoint: WorkloadEndpointResource, ip: Ip): End => ({
  kind: 'workload',
  ip,
  endpoint: endpointName(endpoint),
  node: endpoint.spec.node,
  label: `${ip} (${endpointName(endpoint)} on ${endpoint.spec.node})`,
})

export const endpointsOf = ({ resources }: Live): WorkloadEndpointResource[] =>
  resources.filter((item) => item.kind === 'WorkloadEndpoint')

/** Every address of an endpoint, as an end. */
export const endsOf = (endpoint: WorkloadEndpointResource): End[] =>
  ipsOf(endpoint).map((ip) => workloadEnd(endpoint, ip))

/** Every address of a node, as an end. */
export function hostEnds(node: NodeResource): End[] {
  const { name } = node.metadata
  return addressesOf(node).map((ip) => ({ kind: 'host', ip, node: name, label: `${ip} (node ${name})` }))
}

export const outsideEnd = (ip: Ip): End => ({ kind: 'outside', ip, label: `${ip} (outside)` })

function endAt(live: Live, ip: Ip): End {
  const endpoint = endpointsOf(live).find((candidate) => ipsOf(candidate).includes(ip))
  if (endpoint !== undefined) return workloadEnd(endpoint, ip)
  const host = live.nodes.flatMap(hostEnds).find((candidate) => candidate.ip === ip)
  return host ?? outsideEnd(ip)
}

/**
 * The ends that somebody may mean: an address, a node, or an endpoint by its name, workload, container or identity.
 *
 * @returns One per address.
 * @throws NOT_FOUND with the nearest known name
 */
export function findEnds(live: Live, typed: string): End[] {
  const ip = findIp(typed)
  if (ip !== undefined) return [endAt(live, ip)]
  const endpoints = endpointsOf(live)
  const names = (endpoint: WorkloadEndpointResource): string[] => [
    endpointName(endpoint),
    endpoint.metadata.name,
    `${endpoint.metadata.namespace ?? ''}/${workloadOf(endpoint)}`,
    workloadOf(endpoint),
    endpoint.spec.endpoint,
  ]
  const meant = endpoints.filter((endpoint) =>
    names(endpoint).some((name) => name === typed || name === legacyName(typed)),
  )
  if (meant.length > 0) return meant.flatMap(endsOf)
  const node = live.nodes.find(({ metadata }) => metadata.name === typed)
  if (node !== undefined) return hostEnds(node)
  const near = nearestName(typed, [...endpoints.flatMap(names), ...live.nodes.map(({ metadata }) => metadata.name)])
  throw new CalicoError(
    'NOT_FOUND',
    `Cannot find "${typed}": it is no address, endpoint, workload or node${near === undefined ? '' : `; did you mean "${near}"?`}`,
  )
}

/** The first pair of one address family. @throws INVALID when there is none */
export function pairUp(from: readonly End[], to: readonly End[]): { from: End; to: End } {
  for (const a of from) {
    const b = to.find(({ ip }) => ipVersion(ip) === ipVersion(a.ip))
    if (b !== undefined) return { from: a, to: b }
  }
  throw new CalicoError(
    'INVALID',
    `Cannot connect ${from[0]?.label ?? 'nothing'} with ${to[0]?.label ?? 'nothing'}: they have no address family in common`,
  )
}

/** `tcp`, `udp`, `icmp`, ... or a number. @throws INVALID */
export function parseProtocolNumber(typed: string): number {
  const words: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, icmp: 1, icmpv6: 58, udplite: 136 }
  const number = words[typed.toLowerCase()] ?? (/^\d{1,3}$/.test(typed) ? Number(typed) : Number.NaN)
  if (number >= 0 && number <= 255) return number
  throw new CalicoError(
    'INVALID',
    `Cannot use protocol "${typed}": want ${Object.keys(words).join(', ')} or a number from 0 to 255`,
  )
}
