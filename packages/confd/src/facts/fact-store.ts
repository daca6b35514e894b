import { hasCode, messageOf } from '@calico-node/core'
import type { KeyUpdate, KeyValue } from '@calico-node/datastore'
import {
  decodeAffinity,
  decodeResource,
  findAffinityKey,
  findResourceKey,
  type BGPConfigurationResource,
  type BGPFilterResource,
  type BGPPeerResource,
  type Cidr,
  type IPPoolResource,
  type Kind,
  type NodeResource,
  type Resource,
} from '@calico-node/model'
import type { Facts, PeeringWorkload, Problem } from '../model/facts.ts'
import { Handover } from './handover.ts'
import { decodeLeniently } from './lenient-decode.ts'

/**
 * What the datastore says, typed and kept up to date. A value that cannot be read counts as absent and is a problem until
 * its key changes. One thing depends on the past: which pools BIRD has lost to Felix only just now.
 */
export class FactStore {
  readonly #node: string
  readonly #nodes = new Map<string, NodeResource>()
  readonly #pools = new Map<string, IPPoolResource>()
  readonly #configurations = new Map<string, BGPConfigurationResource>()
  readonly #peers = new Map<string, BGPPeerResource>()
  readonly #filters = new Map<string, BGPFilterResource>()
  readonly #blocks = new Set<Cidr>()
  readonly #brokenConfigurations = new Set<string>()
  readonly #brokenFilters = new Set<string>()
  readonly #problems = new Map<string, Problem>()
  readonly #handover: Handover
  #secrets: ReadonlyMap<string, string> = new Map()
  #workloads: readonly PeeringWorkload[] = []

  /** @param now Monotonic clock in milliseconds. */
  constructor(node: string, now: () => number = () => performance.now()) {
    this.#node = node
    this.#handover = new Handover(now)
  }

  apply(updates: readonly KeyUpdate[]): void {
    for (const { key, kv } of updates) this.#applyOne(key, kv)
  }

  /** @param secrets the mounted passwords, all of them */
  setSecrets(secrets: ReadonlyMap<string, string>): void {
    this.#secrets = secrets
  }

  /** @param workloads those of this node that are BGP peers, all of them */
  setWorkloads(workloads: readonly PeeringWorkload[]): void {
    this.#workloads = workloads
  }

  /** The present state; later updates do not show in it. */
  facts(): Facts {
    return {
      nodes: new Map(this.#nodes),
      pools: new Map(this.#pools),
      configurations: new Map(this.#configurations),
      peers: new Map(this.#peers),
      filters: new Map(this.#filters),
      blocks: new Set(this.#blocks),
      handedOver: this.#handover.networks(),
      brokenConfigurations: new Set(this.#brokenConfigurations),
      brokenFilters: new Set(this.#brokenFilters),
      workloads: this.#workloads,
      secrets: this.#secrets,
    }
  }

  /** Milliseconds until `facts` says something else although nothing was applied; undefined when it will not. */
  dueInMs(): number | undefined {
    return this.#handover.dueInMs()
  }

  problems(): readonly Problem[] {
    return [...this.#problems.values()]
  }

  #applyOne(key: string, kv: KeyValue | undefined): void {
    this.#problems.delete(key)
    const affinity = findAffinityKey(key)
    if (affinity !== undefined) {
      if (affinity.owner.kind === 'host' && affinity.owner.name === this.#node) this.#applyAffinity(affinity.cidr, kv)
      return
    }
    const found = findResourceKey(key)
    switch (found?.kind) {
      case 'Node':
        return void this.#keepLeniently(this.#nodes, 'Node', found.name, kv)
      case 'IPPool':
        return this.#keepPool(found.name, kv)
      case 'BGPConfiguration':
        return mark(
          this.#brokenConfigurations,
          found.name,
          this.#keepLeniently(this.#configurations, 'BGPConfiguration', found.name, kv),
        )
      case 'BGPPeer':
        return void this.#keep(this.#peers, 'BGPPeer', found.name, kv)
      case 'BGPFilter':
        return mark(this.#brokenFilters, found.name, this.#keep(this.#filters, 'BGPFilter', found.name, kv))
      default:
        return
    }
  }

  #keepPool(name: string, kv: KeyValue | undefined): void {
    const before = this.#pools.get(name)
    this.#keepLeniently(this.#pools, 'IPPool', name, kv)
    this.#handover.poolChanged(before, this.#pools.get(name))
  }

  /** @returns whether the value is good, or gone */
  #keep<K extends Kind>(map: Map<string, Resource<K>>, kind: K, name: string, kv: KeyValue | undefined): boolean {
    map.delete(name)
    if (kv === undefined) return true
    try {
      map.set(name, decodeResource(kind, kv.value, kv))
      return true
    } catch (err) {
      return this.#unreadable(kind, name, kv.key, err)
    }
  }

  /** As `#keep`, but only the malformed fields count as absent where the rest means something. */
  #keepLeniently<K extends Kind>(
    map: Map<string, Resource<K>>,
    kind: K,
    name: string,
    kv: KeyValue | undefined,
  ): boolean {
    map.delete(name)
    if (kv === undefined) return true
    try {
      const { resource, complaint } = decodeLeniently(kind, kv)
      map.set(name, resource)
      if (complaint !== undefined)
        this.#problems.set(kv.key, { kind, name, reason: `has fields that count as absent: ${complaint}` })
      return true
    } catch (err) {
      return this.#unreadable(kind, name, kv.key, err)
    }
  }

  #applyAffinity(cidr: Cidr, kv: KeyValue | undefined): void {
    this.#blocks.delete(cidr)
    if (kv === undefined) return
    try {
      if (decodeAffinity(kv.value, kv).state === 'confirmed') this.#blocks.add(cidr)
    } catch (err) {
      this.#unreadable('BlockAffinity', cidr, kv.key, err)
    }
  }

  #unreadable(kind: Problem['kind'], name: string, key: string, err: unknown): false {
    if (!hasCode(err, 'INVALID')) throw err
    this.#problems.set(key, { kind, name, reason: `counts as absent: ${messageOf(err)}` })
    return false
  }
}

function mark(broken: Set<string>, name: string, good: boolean): void {
  if (good) broken.delete(name)
  else broken.add(name)
}
