/**
 * Ways to other nodes for a datastore state, worked out from nothing: every destination against every pool and node, without
 * index or memory. For tests of the graph.
 */
import {
  cidrBase,
  cidrContains,
  cidrOf,
  cidrPrefixLength,
  hostCidr,
  type Cidr,
  type Ip,
  ipVersion,
} from '@calico-node/model'
import type { FelixConfig } from '../config/params.ts'
import type { Receiver } from './graph-testing.ts'
import type { BlockInput, NodeInput, PoolInput, TunnelAddress } from './inputs.ts'
import type { RouteTarget, TunnelKind } from './messages.ts'
import { linkLocalOf, tunnelMac } from './tunnel-mac.ts'

export interface RoutingFacts {
  readonly nodes: readonly NodeInput[]
  readonly blocks: readonly BlockInput[]
  /** No two of one network. */
  readonly pools: readonly PoolInput[]
  readonly config: FelixConfig
}

const versionOf = (kind: TunnelKind): 4 | 6 => (kind === 'vxlan-v6' ? 6 : 4)

export class RoutingOracle {
  readonly #facts: RoutingFacts
  readonly #self: NodeInput | undefined

  constructor(facts: RoutingFacts) {
    this.#facts = facts
    this.#self = facts.nodes.find(({ name }) => name === 'here')
  }

  fill(receiver: Receiver): void {
    for (const kind of ['vxlan', 'vxlan-v6', 'ipip'] as const) this.#fillTunnel(kind, receiver)
    for (const dst of this.#destinations()) {
      const target = this.#target(dst)
      if (target !== undefined) receiver.routes.set(dst, target)
    }
  }

  #fillTunnel(kind: TunnelKind, receiver: Receiver): void {
    const version = versionOf(kind)
    const isActive = this.#facts.pools.some((pool) => this.#way(pool)?.tunnel === kind)
    const nodeIp = ipOf(this.#self, version)
    if (this.#self !== undefined && isActive && nodeIp !== undefined) {
      const address = this.#end(this.#self, kind)?.ip
      const named = this.#self.tunnels.find((end) => end.kind === kind)
      const mac = kind === 'ipip' ? undefined : (named?.mac ?? tunnelMac(this.#self.name, version))
      receiver.tunnels.set(kind, {
        kind,
        nodeIp,
        ...(address !== undefined && { address }),
        ...(mac !== undefined && { mac }),
      })
    }
    if (kind === 'ipip') return
    for (const node of this.#facts.nodes) {
      const [end, ip] = [this.#end(node, kind), ipOf(node, version)]
      if (node === this.#self || end === undefined || ip === undefined) continue
      const mac = end.mac ?? tunnelMac(node.name, version)
      const gateway = kind === 'vxlan' ? end.ip : linkLocalOf(mac)
      receiver.ends.set(`${kind} ${node.name}`, { node: node.name, kind, nodeIp: ip, tunnelIp: end.ip, mac, gateway })
    }
  }

  /** The tunnel address of a node unless it is another's. */
  #end(node: NodeInput, kind: TunnelKind): TunnelAddress | undefined {
    const end = node.tunnels.find((each) => each.kind === kind)
    if (end === undefined) return undefined
    const rivals = this.#facts.nodes
      .filter(({ tunnels }) => tunnels.some((each) => each.kind === kind && each.ip === end.ip))
      .map(({ name }) => name)
      .toSorted()
    const [holder] = this.#facts.blocks
      .toSorted((a, b) => (a.cidr < b.cidr ? -1 : 1))
      .flatMap(({ tunnels }) => tunnels.filter(({ ip }) => ip === end.ip).map((placed) => placed.node))
    const owner = holder !== undefined && rivals.includes(holder) ? holder : rivals[0]
    return owner === node.name ? end : undefined
  }

  #destinations(): ReadonlySet<Cidr> {
    const { blocks, nodes } = this.#facts
    return new Set([
      ...blocks.flatMap(({ cidr, borrowed }) => [cidr, ...borrowed.map(({ ip }) => hostCidr(ip))]),
      ...nodes.flatMap(({ tunnels }) => tunnels.map(({ ip }) => hostCidr(ip))),
    ])
  }

  #target(dst: Cidr): RouteTarget | undefined {
    const pool = this.#poolOf(dst)
    const way = pool && this.#way(pool)
    if (pool === undefined || way === undefined) return undefined
    const claims = this.#facts.blocks
      .flatMap(({ cidr, owner, borrowed }) => [
        ...(cidr === dst && owner !== undefined ? [{ from: cidr, node: owner, isBlock: true }] : []),
        ...borrowed.filter(({ ip }) => hostCidr(ip) === dst).map(({ node }) => ({ from: cidr, node, isBlock: false })),
      ])
      .toSorted((a, b) => (a.from < b.from ? -1 : 1))
    const [claim] = claims
    if (claim !== undefined) {
      if (claim.node === 'here')
        return claim.isBlock && cidrPrefixLength(dst) < bits(dst) ? { kind: 'blackhole' } : undefined
      return this.#wayTo(claim.node, way, ipVersion(dst))
    }
    const tenants = this.#facts.nodes.filter(({ tunnels }) => tunnels.some(({ ip }) => hostCidr(ip) === dst))
    const [first] = tenants.map(({ name }) => name).toSorted()
    const tenant = tenants.find(({ name }) => name === first)
    if (tenant === undefined || tenant === this.#self) return undefined
    if (!tenant.tunnels.some((end) => hostCidr(end.ip) === dst && this.#end(tenant, end.kind) === end)) return undefined
    const home = this.#facts.blocks.find(({ cidr }) => cidr === cidrOf(cidrBase(dst), pool.spec.blockSize))
    return home?.owner === tenant.name ? undefined : this.#wayTo(tenant.name, way, ipVersion(dst))
  }

  #wayTo(name: string, { tunnel, crossSubnet }: Way, version: 4 | 6): RouteTarget | undefined {
    const node = this.#facts.nodes.find((each) => each.name === name)
    const [gateway, nodeIp] = [ipOf(node, version), ipOf(this.#self, version)]
    if (node === undefined || gateway === undefined || nodeIp === undefined) return undefined
    const isNear = this.#self?.subnets.some((subnet) => cidrContains(subnet, gateway)) === true
    if (tunnel === undefined || (crossSubnet && isNear)) return { kind: 'direct', gateway, nodeIp }
    if (tunnel === 'ipip') return { kind: 'tunnel', tunnel, gateway }
    const end = this.#end(node, tunnel)
    if (end === undefined) return undefined
    const mac = end.mac ?? tunnelMac(node.name, version)
    return { kind: 'tunnel', tunnel, gateway: version === 4 ? end.ip : linkLocalOf(mac) }
  }

  #poolOf(dst: Cidr): PoolInput | undefined {
    const around = this.#facts.pools.filter(({ cidr }) => cidrContains(cidr, dst))
    return around.toSorted((a, b) => cidrPrefixLength(b.cidr) - cidrPrefixLength(a.cidr))[0]
  }

  #way({ spec }: PoolInput): Way | undefined {
    const crossSubnet = [spec.vxlanMode, spec.ipipMode].includes('CrossSubnet')
    if (spec.vxlanMode !== 'Never') return { tunnel: ipVersion(spec.cidr) === 4 ? 'vxlan' : 'vxlan-v6', crossSubnet }
    if (spec.ipipMode !== 'Never') return { tunnel: 'ipip', crossSubnet }
    return this.#facts.config.ProgramClusterRoutes === 'Enabled' ? { tunnel: undefined, crossSubnet } : undefined
  }
}

interface Way {
  readonly tunnel: TunnelKind | undefined
  readonly crossSubnet: boolean
}

const bits = (cidr: Cidr): number => (ipVersion(cidr) === 4 ? 32 : 128)
const ipOf = (node: NodeInput | undefined, version: 4 | 6): Ip | undefined =>
  node?.ips.find((ip) => ipVersion(ip) === version)
