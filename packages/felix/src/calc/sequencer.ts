/**
 * Collects what changed until the next flush and puts it in an order that never names something before it exists nor
 * removes it before its last user: sets, then rules, then endpoints; removals the other way round.
 */
import type { Cidr, Ip } from '@calico-node/model'
import type { FelixConfig } from '../config/params.ts'
import type { PoolInput } from './inputs.ts'
import { IpSetOutbox } from './ipset-outbox.ts'
import type {
  CalcMessage,
  HostEndpoint,
  LocalTunnel,
  PolicyId,
  ProfileId,
  RemoteTunnelEnd,
  RouteTarget,
  RuleLists,
  SetId,
  TunnelKind,
  WorkloadEndpoint,
} from './messages.ts'
import { Outbox } from './outbox.ts'

export class Sequencer {
  readonly sets: IpSetOutbox
  readonly policies = new Outbox<PolicyId, RuleLists>()
  readonly profiles = new Outbox<ProfileId, RuleLists>()
  readonly workloads = new Outbox<string, WorkloadEndpoint>()
  readonly hosts = new Outbox<string, HostEndpoint>()
  readonly nodeIps = new Outbox<string, readonly Ip[]>()
  readonly pools = new Outbox<string, PoolInput>()
  readonly tunnels = new Outbox<TunnelKind, LocalTunnel>()
  readonly tunnelEnds = new Outbox<string, RemoteTunnelEnd>()
  readonly routes = new Outbox<Cidr, RouteTarget>()
  readonly serviceNetworks = new Outbox<'networks', readonly Cidr[]>()
  readonly notices = new Outbox<string, string>()
  readonly #config = new Outbox<'config', FelixConfig>()
  #firstFlush = true

  /** @param membersOf See {@link IpSetOutbox}. */
  constructor(membersOf: (id: SetId) => readonly string[]) {
    this.sets = new IpSetOutbox(membersOf)
  }

  setConfig(config: FelixConfig): void {
    this.#config.set('config', config)
  }

  /**
   * Everything that changed since the last flush. The first one ends with `in-sync`: call it with the snapshot
   * complete.
   */
  flush(): CalcMessage[] {
    const sets = this.sets.take()
    const policies = this.policies.take()
    const profiles = this.profiles.take()
    const workloads = this.workloads.take()
    const hosts = this.hosts.take()
    const pools = this.pools.take()
    const notices = this.notices.take()
    const messages: CalcMessage[] = [
      ...list(this.#config.take().updates, (_, config) => ({ kind: 'config.update', config })),
      ...sets.updates,
      ...list(policies.updates, (id, rules) => ({ kind: 'policy.update', id, rules })),
      ...list(profiles.updates, (id, rules) => ({ kind: 'profile.update', id, rules })),
      ...list(workloads.updates, (_, endpoint) => ({ kind: 'workload.update', endpoint })),
      ...list(hosts.updates, (_, endpoint) => ({ kind: 'host-endpoint.update', endpoint })),
      ...list(workloads.removals, (_, { id }) => ({ kind: 'workload.remove', id })),
      ...list(hosts.removals, (_, { name }) => ({ kind: 'host-endpoint.remove', name })),
      ...list(profiles.removals, (id) => ({ kind: 'profile.remove', id })),
      ...list(policies.removals, (id) => ({ kind: 'policy.remove', id })),
      ...sets.removals,
      ...list(pools.removals, (_, { cidr }) => ({ kind: 'pool.remove', cidr })),
      ...list(pools.updates, (_, { cidr, spec }) => ({ kind: 'pool.update', cidr, pool: spec })),
      ...this.#waysToOthers(),
      ...list(this.serviceNetworks.take().updates, (_, cidrs) => ({ kind: 'service-networks', cidrs })),
      ...list(notices.removals, (id) => ({ kind: 'notice.remove', id })),
      ...list(notices.updates, (id, reason) => ({ kind: 'notice.update', id, reason })),
    ]
    if (this.#firstFlush) messages.push({ kind: 'in-sync' })
    this.#firstFlush = false
    return messages
  }

  /** Who may send and what a way leads over comes before the way, and goes after it. */
  #waysToOthers(): CalcMessage[] {
    const nodeIps = this.nodeIps.take()
    const tunnels = this.tunnels.take()
    const ends = this.tunnelEnds.take()
    const routes = this.routes.take()
    return [
      ...list(nodeIps.updates, (node, ips) => ({ kind: 'host-ip.update', node, ips })),
      ...list(tunnels.updates, (_, tunnel) => ({ kind: 'tunnel.update', tunnel })),
      ...list(ends.updates, (_, end) => ({ kind: 'tunnel-end.update', end })),
      ...list(routes.removals, (dst) => ({ kind: 'route.remove', dst })),
      ...list(routes.updates, (dst, target) => ({ kind: 'route.update', dst, target })),
      ...list(ends.removals, (_, end) => ({ kind: 'tunnel-end.remove', end })),
      ...list(tunnels.removals, (tunnel) => ({ kind: 'tunnel.remove', tunnel })),
      ...list(nodeIps.removals, (node) => ({ kind: 'host-ip.remove', node })),
    ]
  }
}

const list = <K, V>(entries: ReadonlyMap<K, V>, message: (key: K, value: V) => CalcMessage): CalcMessage[] =>
  [...entries].map(([key, value]) => message(key, value))
