/**
 * Which way leads to the addresses that no workload of this host has: one answer for each destination, from blocks, nodes
 * and pools. There is no second place that thinks about this, so nobody can take back what another said.
 *
 * A destination is a block, an address that a node has in another's block, or a node's tunnel address outside its own
 * blocks. Each answer depends on the claim to the destination, its pool, and the nodes at both ends; a change of one of
 * these costs what depends on it. A change of a pool or of this node's address is looked at as a whole.
 */
import {
  type Cidr,
  cidrBase,
  cidrContains,
  cidrOf,
  cidrSize,
  hostCidr,
  type Ip,
  ipVersion,
  type NodeName,
} from '@calico-node/model'
import { Claims } from './claims.ts'
import { activeTunnels, type PoolWay, type RouteOptions, TUNNEL_KINDS, tunnelVersion, wayOf } from './encapsulation.ts'
import { Groups } from './groups.ts'
import type { BlockInput, NodeInput, PoolInput } from './inputs.ts'
import type { LocalTunnel, RemoteTunnelEnd, RouteTarget, TunnelKind } from './messages.ts'
import { PoolIndex } from './pool-index.ts'
import { TunnelEnds } from './tunnel-ends.ts'
import { linkLocalOf, tunnelMac } from './tunnel-mac.ts'

/** That a node has the addresses of a destination. */
interface Claim {
  readonly node: NodeName
  readonly of: 'block' | 'address' | 'tunnel'
}

/** Where answers go; undefined = there is none any more. */
export interface RouteSink {
  route(dst: Cidr, target: RouteTarget | undefined): void
  tunnel(kind: TunnelKind, tunnel: LocalTunnel | undefined): void
  tunnelEnd(key: string, end: RemoteTunnelEnd | undefined): void
}

const NO_ROUTES: RouteOptions = { enabled: false, ipv6: false, ipip: undefined, vxlan: undefined, plainPools: false }

export class RouteResolver {
  readonly pools = new PoolIndex()
  readonly ends = new TunnelEnds()
  readonly nodes = new Map<NodeName, NodeInput>()
  readonly #self: NodeName
  readonly #sink: RouteSink
  readonly #claims = new Claims<Cidr, Claim>()
  readonly #claimedBy = new Groups<NodeName, Cidr>()
  /** Nodes whose tunnel address should lie in a block; made anew with the pools, which say how large blocks are. */
  #tenants = new Groups<Cidr, NodeName>()
  #options = NO_ROUTES
  readonly #dirtyNodes = new Set<NodeName>()
  readonly #dirty = new Set<Cidr>()
  #allDirty = true

  constructor(self: NodeName, sink: RouteSink) {
    this.#self = self
    this.#sink = sink
  }

  /** Whether blocks are of any use: they are many, and change all the time. */
  get needsBlocks(): boolean {
    return [...this.pools.all()].some((pool) => wayOf(pool, this.#options) !== undefined)
  }

  get activeTunnels(): ReadonlySet<TunnelKind> {
    return activeTunnels(this.pools.all(), this.#options)
  }

  get options(): RouteOptions {
    return this.#options
  }

  setOptions(options: RouteOptions): void {
    this.#options = options
    this.#allDirty = true
  }

  setPool(cidr: Cidr, pool: PoolInput | undefined): void {
    this.pools.set(cidr, pool)
    this.#allDirty = true
  }

  /** Most changes of a block are of no interest here. */
  setBlock(before: BlockInput | undefined, after: BlockInput | undefined): void {
    if (JSON.stringify(before) === JSON.stringify(after)) return
    if (before !== undefined) this.#claimBlock(before, false)
    if (after !== undefined) this.#claimBlock(after, true)
  }

  setNode(name: NodeName, node: NodeInput | undefined): void {
    for (const { ip } of this.ends.named(name)) {
      this.#claim(hostCidr(ip), `tunnel ${name}`, { node: name, of: 'tunnel' }, false)
      this.#tenants.delete(this.#blockAround(ip), name)
    }
    if (node === undefined) this.nodes.delete(name)
    else this.nodes.set(name, node)
    for (const touched of this.ends.setNode(name, node?.tunnels ?? [])) this.#dirtyNodes.add(touched)
    for (const { ip } of this.ends.named(name)) {
      this.#claim(hostCidr(ip), `tunnel ${name}`, { node: name, of: 'tunnel' }, true)
      this.#tenants.add(this.#blockAround(ip), name)
    }
    if (name === this.#self) this.#allDirty = true
  }

  /** Works out what changed since the last time. @returns Whether pools, nodes or their tunnel addresses did. */
  resolve(): boolean {
    const isMoreThanBlocks = this.#allDirty || this.#dirtyNodes.size > 0
    if (this.#allDirty) this.#markAll()
    for (const name of this.#dirtyNodes) {
      for (const kind of ['vxlan', 'vxlan-v6'] as const)
        this.#sink.tunnelEnd(`${kind} ${name}`, this.#remoteEnd(name, kind))
      for (const dst of this.#claimedBy.of(name)) this.#dirty.add(dst)
    }
    if (this.#allDirty || this.#dirtyNodes.has(this.#self)) {
      const active = this.activeTunnels
      for (const kind of TUNNEL_KINDS) this.#sink.tunnel(kind, active.has(kind) ? this.#localTunnel(kind) : undefined)
    }
    for (const dst of this.#dirty) this.#sink.route(dst, this.#targetOf(dst))
    this.#dirty.clear()
    this.#dirtyNodes.clear()
    this.#allDirty = false
    return isMoreThanBlocks
  }

  #markAll(): void {
    for (const dst of this.#claims.keys()) this.#dirty.add(dst)
    this.#tenants = new Groups()
    for (const name of this.nodes.keys()) {
      this.#dirtyNodes.add(name)
      for (const { ip } of this.ends.named(name)) this.#tenants.add(this.#blockAround(ip), name)
    }
  }

  #claimBlock({ cidr, owner, borrowed, tunnels }: BlockInput, holds: boolean): void {
    const source = `block ${cidr}`
    if (owner !== undefined) this.#claim(cidr, source, { node: owner, of: 'block' }, holds)
    for (const { ip, node } of borrowed) this.#claim(hostCidr(ip), source, { node, of: 'address' }, holds)
    for (const { ip, node } of tunnels) {
      for (const touched of this.ends.setHolder(ip, cidr, holds ? node : undefined)) this.#dirtyNodes.add(touched)
    }
    for (const tenant of this.#tenants.of(cidr)) this.#dirtyNodes.add(tenant)
  }

  #claim(dst: Cidr, source: string, claim: Claim, holds: boolean): void {
    this.#claims.set(dst, source, holds ? claim : undefined)
    const claims = [...this.#claims.values(dst)]
    if (claims.some(({ node }) => node === claim.node)) this.#claimedBy.add(claim.node, dst)
    else this.#claimedBy.delete(claim.node, dst)
    this.#dirty.add(dst)
  }

  /** The block that an address belongs into, whether or not there is one. */
  #blockAround(ip: Ip): Cidr {
    const pool = this.pools.find(ip)
    return pool === undefined ? hostCidr(ip) : cidrOf(ip, pool.spec.blockSize)
  }

  #targetOf(dst: Cidr): RouteTarget | undefined {
    const claim = this.#claims.of(dst)
    const pool = this.pools.find(dst)
    const way = pool && wayOf(pool, this.#options)
    if (claim === undefined || way === undefined) return undefined
    if (claim.node === this.#self) return claim.of === 'block' && cidrSize(dst) > 1n ? { kind: 'blackhole' } : undefined
    if (claim.of === 'tunnel' && !this.#needsOwnRoute(dst, claim.node)) return undefined
    return this.#wayTo(claim.node, way, ipVersion(dst))
  }

  /** A tunnel address in a block of its node goes with the block. */
  #needsOwnRoute(dst: Cidr, node: NodeName): boolean {
    const ip = cidrBase(dst)
    if (!this.ends.named(node).some((end) => end.ip === ip && this.ends.find(node, end.kind) === end)) return false
    const block = this.#claims.of(this.#blockAround(ip))
    return block?.of !== 'block' || block.node !== node
  }

  #wayTo(node: NodeName, { tunnel, crossSubnet }: PoolWay, version: 4 | 6): RouteTarget | undefined {
    const gateway = this.#ipOf(node, version)
    const nodeIp = this.#ipOf(this.#self, version)
    if (gateway === undefined || nodeIp === undefined) return undefined
    if (tunnel === undefined || (crossSubnet && this.#isInOurSubnet(gateway)))
      return { kind: 'direct', gateway, nodeIp }
    if (tunnel === 'ipip') return { kind: 'tunnel', tunnel, gateway }
    const end = this.#remoteEnd(node, tunnel)
    return end && { kind: 'tunnel', tunnel, gateway: end.gateway }
  }

  #isInOurSubnet(ip: Ip): boolean {
    return this.nodes.get(this.#self)?.subnets.some((subnet) => cidrContains(subnet, ip)) === true
  }

  #ipOf(node: NodeName, version: 4 | 6): Ip | undefined {
    return this.nodes.get(node)?.ips.find((ip) => ipVersion(ip) === version)
  }

  #remoteEnd(node: NodeName, kind: 'vxlan' | 'vxlan-v6'): RemoteTunnelEnd | undefined {
    const version = tunnelVersion(kind)
    const nodeIp = this.#ipOf(node, version)
    const end = this.ends.find(node, kind)
    if (node === this.#self || nodeIp === undefined || end === undefined || !this.#options.enabled) return undefined
    const mac = end.mac ?? tunnelMac(node, version)
    return { node, kind, nodeIp, tunnelIp: end.ip, mac, gateway: version === 4 ? end.ip : linkLocalOf(mac) }
  }

  #localTunnel(kind: TunnelKind): LocalTunnel | undefined {
    const version = tunnelVersion(kind)
    const nodeIp = this.#ipOf(this.#self, version)
    if (nodeIp === undefined) return undefined
    const end = this.ends.find(this.#self, kind)
    const named = this.ends.named(this.#self).find((each) => each.kind === kind)
    const mac = kind === 'ipip' ? undefined : (named?.mac ?? tunnelMac(this.#self, version))
    return { kind, nodeIp, ...(end !== undefined && { address: end.ip }), ...(mac !== undefined && { mac }) }
  }
}
