/**
 * Collects what changed until the next flush and puts it in an order that never names something before it exists nor
 * removes it before its last user (felix.md 1.4): sets, then rules, then endpoints; removals the other way round.
 */
import type { FelixConfig } from '../config/params.ts'
import type { NodeInput, PoolInput } from './inputs.ts'
import { IpSetOutbox } from './ipset-outbox.ts'
import type { CalcMessage, HostEndpoint, PolicyId, ProfileId, RuleLists, SetId, WorkloadEndpoint } from './messages.ts'
import { Outbox } from './outbox.ts'

export class Sequencer {
  readonly sets: IpSetOutbox
  readonly policies = new Outbox<PolicyId, RuleLists>()
  readonly profiles = new Outbox<ProfileId, RuleLists>()
  readonly workloads = new Outbox<string, WorkloadEndpoint>()
  readonly hosts = new Outbox<string, HostEndpoint>()
  readonly nodes = new Outbox<string, NodeInput>()
  readonly pools = new Outbox<string, PoolInput>()
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
    const nodes = this.nodes.take()
    const pools = this.pools.take()
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
      ...list(nodes.removals, (node) => ({ kind: 'host-ip.remove', node })),
      ...list(nodes.updates, (node, { ips }) => ({ kind: 'host-ip.update', node, ips })),
      ...list(pools.removals, (_, { cidr }) => ({ kind: 'pool.remove', cidr })),
      ...list(pools.updates, (_, { cidr, spec }) => ({ kind: 'pool.update', cidr, pool: spec })),
    ]
    if (this.#firstFlush) messages.push({ kind: 'in-sync' })
    this.#firstFlush = false
    return messages
  }
}

const list = <K, V>(entries: ReadonlyMap<K, V>, message: (key: K, value: V) => CalcMessage): CalcMessage[] =>
  [...entries].map(([key, value]) => message(key, value))
