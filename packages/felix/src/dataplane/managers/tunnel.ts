import { type LinkEvent, TUNNEL_DEVICES } from '@calico-node/linux'
import { type Cidr, type Ip, ipVersion } from '@calico-node/model'
import { setMembers } from '../../calc/member-text.ts'
import type { CalcMessage, LocalTunnel, RemoteTunnelEnd, TunnelKind } from '../../calc/messages.ts'
import { tunnelRules } from '../../rules/tunnels.ts'
import type { HostLinks } from '../host-links.ts'
import { Lingering } from '../lingering.ts'
import type { DataplaneOp } from '../ops.ts'
import { type TunnelMtu, tunnelMtu, workloadMtu } from '../tunnel-mtu.ts'
import type { Manager, ManagerContext } from './manager.ts'
import { ALL_TUNNELS, forwardingOf, isOfVersion, neighbourOf, tunnelDevice, type VxlanSettings } from './tunnel-plan.ts'

export interface TunnelContext extends ManagerContext {
  readonly links: HostLinks
  readonly vxlan: VxlanSettings
  /** MTU of each device as configured; 0 = what the host allows. */
  readonly mtuBytes: Readonly<Record<TunnelKind, number>>
  /** Hosts outside the cluster that may send tunnelled packets. */
  readonly externalHosts: readonly Cidr[]
  /** Monotonic clock in milliseconds. */
  readonly now: () => number
}

/** So long others may go on sending through a tunnel that we need no more: longer than routes linger with them. */
const LINGER_MS = 20_000

type EndKey = `${RemoteTunnelEnd['kind']} ${string}`
const endKey = ({ kind, node }: RemoteTunnelEnd): EndKey => `${kind} ${node}`

/**
 * The tunnels of this host: devices, the way to each other end, who may send through them, and how large packets may be. A
 * tunnel and an end that nobody needs any more linger, because other nodes may learn of it later and go on sending.
 */
export class TunnelManager implements Manager {
  readonly #context: TunnelContext
  readonly #tunnels: Lingering<TunnelKind, LocalTunnel>
  readonly #ends: Lingering<EndKey, RemoteTunnelEnd>
  readonly #nodeIps = new Map<string, readonly Ip[]>()
  readonly #dirtyEnds = new Set<EndKey>()
  readonly #flapped = new Set<string>()
  #devicesDirty = true
  #rulesDirty = true

  constructor(context: TunnelContext) {
    this.#context = context
    const linger = { lingerMs: LINGER_MS, now: context.now }
    this.#tunnels = new Lingering(linger)
    this.#ends = new Lingering(linger)
  }

  onMessage(message: CalcMessage): void {
    switch (message.kind) {
      case 'tunnel.update':
        this.#tunnels.set(message.tunnel.kind, message.tunnel)
        this.#devicesDirty = true
        break
      case 'tunnel.remove':
        return this.#tunnels.release(message.tunnel)
      case 'tunnel-end.update':
        this.#setEnd(message.end)
        break
      case 'tunnel-end.remove':
        return this.#ends.release(endKey(message.end))
      case 'host-ip.update':
        this.#nodeIps.set(message.node, message.ips)
        break
      case 'host-ip.remove':
        this.#nodeIps.delete(message.node)
        for (const kind of ['vxlan', 'vxlan-v6'] as const) this.#dropEnd(`${kind} ${message.node}`)
        break
      default:
        return
    }
    this.#rulesDirty = true
  }

  onLink(event: LinkEvent): void {
    if (!this.#context.links.concerns(event)) return
    this.#devicesDirty = true
    const kind = ALL_TUNNELS.find((each) => TUNNEL_DEVICES[each] === event.name)
    if (kind === undefined) return
    this.#flapped.add(event.name)
    for (const key of this.#ends.keys()) if (this.#ends.get(key)?.kind === kind) this.#dirtyEnds.add(key)
  }

  dueInMs(): number | undefined {
    const wishes = [this.#tunnels.dueInMs(), this.#ends.dueInMs()].filter((wish) => wish !== undefined)
    return wishes.length === 0 ? undefined : Math.min(...wishes)
  }

  takeOps(): readonly DataplaneOp[] {
    for (const key of this.#ends.takeExpired()) this.#endGone(key)
    if (this.#tunnels.takeExpired().length > 0) this.#devicesDirty = this.#rulesDirty = true
    const ops = [
      ...(this.#devicesDirty ? this.#deviceOps() : []),
      ...[...this.#dirtyEnds].flatMap((key) => this.#endOps(key)),
      ...(this.#rulesDirty ? this.#ruleOps() : []),
      ...[...this.#flapped].map((name): DataplaneOp => ({ kind: 'interface.reset', name })),
    ]
    this.#devicesDirty = this.#rulesDirty = false
    this.#dirtyEnds.clear()
    this.#flapped.clear()
    return ops
  }

  #setEnd(end: RemoteTunnelEnd): void {
    // an address that moved to another node must not go on leading to the old one
    for (const key of this.#ends.leaving()) {
      const other = this.#ends.get(key)
      if (other?.kind === end.kind && (other.tunnelIp === end.tunnelIp || other.mac === end.mac)) this.#dropEnd(key)
    }
    this.#ends.set(endKey(end), end)
    this.#dirtyEnds.add(endKey(end))
  }

  #dropEnd(key: EndKey): void {
    if (this.#ends.get(key) === undefined) return
    this.#ends.drop(key)
    this.#endGone(key)
  }

  #endGone(key: EndKey): void {
    this.#dirtyEnds.add(key)
    this.#rulesDirty = true
  }

  #mtuOf(kind: TunnelKind): TunnelMtu {
    const { mtuBytes, links } = this.#context
    return tunnelMtu(kind, mtuBytes[kind], links.mtuBytes())
  }

  #deviceOps(): DataplaneOp[] {
    const { links } = this.#context
    const sizes = [...this.#tunnels.keys()].map((kind) => this.#mtuOf(kind).mtuBytes)
    return [
      ...ALL_TUNNELS.flatMap((kind) => this.#oneDevice(kind)),
      { kind: 'workload-mtu.set', mtuBytes: workloadMtu(sizes, links.mtuBytes()) },
    ]
  }

  #oneDevice(kind: TunnelKind): DataplaneOp[] {
    const { links, vxlan } = this.#context
    const tunnel = this.#tunnels.get(kind)
    const problems = (mtu?: string, parent?: string): DataplaneOp[] => [
      { kind: 'problem.set', id: `tunnel ${kind} mtu`, reason: mtu },
      { kind: 'problem.set', id: `tunnel ${kind} parent`, reason: parent },
    ]
    if (tunnel === undefined) return [{ kind: 'tunnel.remove', name: TUNNEL_DEVICES[kind] }, ...problems()]
    const { mtuBytes, notice } = this.#mtuOf(kind)
    const device = tunnelDevice(tunnel, { parent: links.holderOf(tunnel.nodeIp)?.name, mtuBytes, vxlan })
    const homeless = `No interface of this host holds ${tunnel.nodeIp}: ${TUNNEL_DEVICES[kind]} cannot be built`
    if (device === undefined) return problems(notice, homeless)
    return [{ kind: 'tunnel.set', device }, ...problems(notice)]
  }

  /** A device that is absent or down can hold no entries. */
  #endOps(key: EndKey): DataplaneOp[] {
    const end = this.#ends.get(key)
    const stands = end !== undefined && this.#context.links.isUp(TUNNEL_DEVICES[end.kind])
    const owner = `tunnel ${key}`
    return [
      { kind: 'neighbours.set', owner, entries: stands ? [neighbourOf(end)] : [] },
      { kind: 'forwarding.set', owner, entries: stands ? [forwardingOf(end)] : [] },
    ]
  }

  #ruleOps(): DataplaneOp[] {
    const { versions, settings, maxSetElements: maxElements, externalHosts } = this.#context
    return versions.flatMap((version): DataplaneOp[] => {
      const tunnels = [...this.#tunnels.values()].filter(({ kind }) => isOfVersion(kind, version))
      const ends = [...this.#ends.values()].filter(({ kind }) => isOfVersion(kind, version)).map(({ nodeIp }) => nodeIp)
      const nodes = [...this.#nodeIps.values()].flat().filter((ip) => ipVersion(ip) === version)
      const others = externalHosts.filter((cidr) => ipVersion(cidr) === version).flatMap(setMembers)
      const facts = { tunnels, hosts: new Set([...nodes, ...others]), vxlanHosts: new Set([...ends, ...others]) }
      const { sets, unusedSets, chains } = tunnelRules(facts, { version, settings, maxElements })
      return [
        ...sets.map((set) => ({ kind: 'ip-set.set', set }) as const),
        ...chains.map((each) => ({ kind: 'chain.set', ipVersion: version, ...each }) as const),
        ...unusedSets.map((name) => ({ kind: 'ip-set.remove', ipVersion: version, name }) as const),
      ]
    })
  }
}
