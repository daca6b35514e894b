/**
 * Which BGP sessions a node has, before it is said how each is configured.
 *
 * Sources, in order of precedence: global BGPPeers, BGPPeers of this node together with the reverse of peerings that other
 * nodes have with it, workloads of this node that are peers of it, and the node-to-node mesh. The first one that claims an address (and port) has it, so two
 * resources that name one peer, or a peer that is also in the mesh, never become two sessions with one neighbour.
 */
import { ipVersion, parsePeerIp, type AsNumber, type BGPPeerResource, type Ip, type Ipv4 } from '@calico-node/model'
import { parseSelector } from '@calico-node/selector'
import { byName, type Facts, type Family, type Report } from './facts.ts'
import type { BgpNode } from './nodes.ts'
import type { Settings } from './settings.ts'

/** Names begin with it; `calicoctl node status` tells the types of peers apart by it. */
export type Scope = 'Mesh' | 'Global' | 'Node' | 'Local_Workload'

export interface Session {
  readonly scope: Scope
  readonly ip: Ip
  readonly port: number | undefined
  readonly asNumber: AsNumber
  /** Cluster of a peer that is a reflector, where it is known; peers that are given by address never have one. */
  readonly clusterId: Ipv4 | undefined
  /** The address belongs to a node of the cluster. */
  readonly isNode: boolean
  /** The node of the cluster that speaks at this address, port and AS number. */
  readonly node: string | undefined
  /** Where password, filters and the like come from; undefined for mesh sessions. */
  readonly peer: BGPPeerResource | undefined
}

export interface SessionInput {
  readonly facts: Facts
  readonly settings: Settings
  readonly nodes: ReadonlyMap<string, BgpNode>
  readonly self: BgpNode
  readonly report: Report
}

const FAMILIES: readonly Family[] = [4, 6]
const BGP_PORT = 179

/** The sessions of both families, each neighbour once, none with the node itself. */
export function sessionsOf(input: SessionInput): readonly Session[] {
  const { self } = input
  const taken = new Map<string, Session>()
  for (const session of candidates(input)) {
    if (self.address[ipVersion(session.ip)] === session.ip || !isUsable(session.ip)) continue
    const id = endpointId(session)
    if (!taken.has(id)) taken.set(id, session)
  }
  return [...taken.values(), ...meshSessions(input, new Set([...taken.values()].map(({ ip }) => ip)))]
}

/** Whether a session with the address can exist; BIRD refuses some of the others. */
const isUsable = (ip: Ip): boolean =>
  ipVersion(ip) === 4 ? !/^(0|22[4-9]|23\d)\.|^255\.255\.255\.255$/.test(ip) : ip !== '::' && !/^(fe[89ab]|ff)/.test(ip)

const endpointId = ({ ip, port }: { ip: Ip; port: number | undefined }): string => `${ip} ${port ?? ''}`

/** Explicit sessions before implicit ones, global before node specific. */
function* candidates(input: SessionInput): Iterable<Session> {
  const usable = byName(input.facts.peers).flatMap(([name, peer]) => peering(name, peer, input) ?? [])
  const ordered = [
    ...usable.filter(({ scope }) => scope === 'Global'),
    ...usable.filter(({ scope }) => scope === 'Node'),
  ]
  for (const { local, remotes, scope, peer } of ordered) {
    if (local.has(input.self.name)) for (const remote of remotes) yield { ...remote, scope, peer }
  }
  for (const { local, remotes, families, peer } of ordered) {
    if (peer.spec.reversePeering === 'Manual' || !remotes.some(({ node }) => node === input.self.name)) continue
    for (const node of local.values())
      yield* nodeEndpoints(node, input.settings, families).map((to) => ({ ...to, scope: 'Node' as const, peer }))
  }
  for (const { peer, ips } of input.facts.workloads) yield* workloadSessions(peer, ips, input)
}

/** The sessions with one workload, if the BGPPeer that it goes by is one of this node. */
function workloadSessions(name: string, ips: readonly Ip[], { facts, nodes, self }: SessionInput): readonly Session[] {
  const peer = facts.peers.get(name)
  const { asNumber, localWorkloadSelector } = peer?.spec ?? {}
  if (peer === undefined || localWorkloadSelector === undefined || !asNumber) return []
  if (!localNodes(peer, nodes).has(self.name)) return []
  const scope = 'Local_Workload'
  const common = {
    scope,
    port: undefined,
    asNumber,
    clusterId: undefined,
    isNode: false,
    node: undefined,
    peer,
  } as const
  return ips.map((ip) => ({ ...common, ip }))
}

type Endpoint = Omit<Session, 'scope' | 'peer'>

interface Peering {
  readonly peer: BGPPeerResource
  readonly scope: 'Global' | 'Node'
  /** The nodes that have the peer, by name. */
  readonly local: ReadonlyMap<string, BgpNode>
  readonly remotes: readonly Endpoint[]
  readonly families: readonly Family[]
}

function peering(name: string, peer: BGPPeerResource, input: SessionInput): Peering | undefined {
  const { spec } = peer
  const { nodes, settings, report } = input
  const scope = spec.node === undefined && spec.nodeSelector === undefined ? 'Global' : 'Node'
  const local = localNodes(peer, nodes)
  if (spec.peerSelector !== undefined) {
    const remotes = [...select(nodes, spec.peerSelector).values()].flatMap((node) =>
      nodeEndpoints(node, settings, FAMILIES),
    )
    return { peer, scope, local, remotes, families: FAMILIES }
  }
  if (spec.peerIP !== undefined) {
    const remote = addressedEndpoint(spec.peerIP, spec.asNumber || settings.globalAs, nodes, settings)
    if (isUsable(remote.ip)) return { peer, scope, local, remotes: [remote], families: [ipVersion(remote.ip)] }
    report(
      'BGPPeer',
      name,
      `has ${remote.ip}, which is not the address of a host that can be routed to; it is left out`,
    )
    return undefined
  }
  if (spec.localWorkloadSelector === undefined && local.has(input.self.name))
    report('BGPPeer', name, 'names no peer: want peerIP, peerSelector or localWorkloadSelector; it is left out')
  return undefined
}

/** The nodes that have the peer. */
const localNodes = ({ spec }: BGPPeerResource, nodes: ReadonlyMap<string, BgpNode>): ReadonlyMap<string, BgpNode> =>
  spec.node === undefined ? select(nodes, spec.nodeSelector) : new Map([...nodes].filter(([at]) => at === spec.node))

function select(nodes: ReadonlyMap<string, BgpNode>, text: string | undefined): ReadonlyMap<string, BgpNode> {
  if (text === undefined) return nodes
  const selector = parseSelector(text)
  return new Map([...nodes].filter(([, node]) => selector.matches(node.labels)))
}

/** A node as a peer, once for each family that it has an address of. */
function nodeEndpoints(node: BgpNode, settings: Settings, families: readonly Family[]): readonly Endpoint[] {
  return families.flatMap((family) => {
    const ip = node.address[family]
    if (ip === undefined) return []
    const port = node.port ?? settings.globalPort
    const asNumber = node.asNumber ?? settings.globalAs
    return [{ node: node.name, ip, port, asNumber, clusterId: node.clusterId, isNode: true }]
  })
}

/** A peer that is given by its address. Without a port it gets the one of the node that has this address and AS number. */
function addressedEndpoint(
  peerIp: string,
  asNumber: AsNumber,
  nodes: ReadonlyMap<string, BgpNode>,
  settings: Settings,
): Endpoint {
  const { ip, port } = parsePeerIp(peerIp)
  const family = ipVersion(ip)
  const owners = [...nodes.values()].filter((node) => node.address[family] === ip)
  const owner = owners.find((node) => {
    const listens = node.port ?? settings.globalPort ?? BGP_PORT
    return (node.asNumber ?? settings.globalAs) === asNumber && (port ?? listens) === listens
  })
  const base = { ip, asNumber, clusterId: undefined, isNode: owners.length > 0, node: owner?.name }
  if (owner === undefined) return { ...base, port }
  return { ...base, port: port ?? owner.port ?? settings.globalPort }
}

/** One session with each other node outside route reflection; `taken` are the addresses that have a session already. */
function meshSessions({ nodes, settings, self, report }: SessionInput, taken: ReadonlySet<Ip>): readonly Session[] {
  if (!settings.mesh.enabled || self.clusterId !== undefined) return []
  const owners = new Map<Ip, string>(
    FAMILIES.flatMap((family) => {
      const ip = self.address[family]
      return ip === undefined ? [] : [[ip, self.name] as const]
    }),
  )
  const sessions: Session[] = []
  for (const node of nodes.values()) {
    if (node.name === self.name || node.clusterId !== undefined) continue
    for (const endpoint of nodeEndpoints(node, settings, FAMILIES)) {
      const owner = owners.get(endpoint.ip)
      owners.set(endpoint.ip, owner ?? node.name)
      if (!isUsable(endpoint.ip))
        report('Node', node.name, `has the address ${endpoint.ip}, which cannot be a BGP peer`)
      else if (owner !== undefined)
        report('Node', node.name, `has the address ${endpoint.ip} of node "${owner}"; it gets no session`)
      else if (!taken.has(endpoint.ip)) sessions.push({ ...endpoint, scope: 'Mesh', peer: undefined })
    }
  }
  return sessions
}
