/**
 * Endpoints that others do not find: of a node that does not exist, or with an address in no pool, as when a pool was given
 * another network. What an endpoint changes costs what it touches; a change of pools is looked at as a whole. Pure.
 */
import { areConfusable, type NodeName } from '@calico-node/model'
import type { EndpointInput, WorkloadInput } from './inputs.ts'
import type { RouteResolver } from './route-resolver.ts'

type Surroundings = Pick<RouteResolver, 'nodes' | 'pools' | 'options'>

/** Sentences by what they are about; undefined = all is well there. */
type Answers = ReadonlyMap<string, string | undefined>

/** In a sentence for people. */
const MOST_NAMES = 5

export class Misplaced {
  readonly #self: NodeName
  /** How many endpoints name a node. */
  readonly #named = new Map<NodeName, number>()
  readonly #local = new Map<string, WorkloadInput>()
  /** Workloads of this host that have an address in no pool. */
  readonly #outside = new Set<string>()
  /** Workloads that have not been held against the pools. */
  readonly #unplaced = new Set<string>()
  #isNamingNew = false

  constructor(self: NodeName) {
    this.#self = self
  }

  setEndpoint(key: string, before: EndpointInput | undefined, after: EndpointInput | undefined): void {
    if (before?.node !== after?.node) {
      if (before !== undefined) this.#count(before.node, -1)
      if (after !== undefined) this.#count(after.node, 1)
    }
    if (before?.node !== this.#self && after?.node !== this.#self) return
    if (after?.type === 'workload' && after.node === this.#self) this.#local.set(key, after)
    else this.#local.delete(key)
    this.#unplaced.add(key)
  }

  poolsChanged(): void {
    for (const key of this.#local.keys()) this.#unplaced.add(key)
  }

  nodesChanged(): void {
    this.#isNamingNew = true
  }

  /** What may have changed since the last time. */
  takeAnswers({ nodes, pools, options }: Surroundings): Answers {
    const answers = new Map<string, string | undefined>()
    if (this.#unplaced.size > 0) {
      const text = this.#outsideText(pools)
      answers.set('addresses outside pools', options.enabled ? text : undefined)
    }
    if (this.#isNamingNew) answers.set('unknown nodes', this.#unknownText(nodes))
    this.#isNamingNew = false
    return answers
  }

  #count(node: NodeName, by: 1 | -1): void {
    const before = this.#named.get(node) ?? 0
    if (before + by === 0) this.#named.delete(node)
    else this.#named.set(node, before + by)
    if (before === 0 || before + by === 0) this.#isNamingNew = true
  }

  /** A cluster without any pool does without Calico's routes. */
  #outsideText(pools: Surroundings['pools']): string | undefined {
    const isOutside = (key: string): boolean =>
      this.#local.get(key)?.nets.some((net) => pools.find(net) === undefined) === true
    for (const key of this.#unplaced) {
      if (isOutside(key)) this.#outside.add(key)
      else this.#outside.delete(key)
    }
    this.#unplaced.clear()
    const [first, ...others] = [...this.#outside].toSorted()
    const workload = this.#local.get(first ?? '')
    if (workload === undefined || pools.size === 0) return undefined
    const which = `${workload.id.workload} (${workload.nets.join(', ')})${others.length > 0 ? ' and others' : ''}`
    return `Workloads of this host have addresses in no IP pool, which other hosts may not reach: ${which}`
  }

  /** A cluster without any Node does without their addresses. */
  #unknownText(nodes: Surroundings['nodes']): string | undefined {
    const unknown = [...this.#named.keys()].filter((name) => !nodes.has(name)).toSorted()
    if (unknown.length === 0 || nodes.size === 0) return undefined
    const words = unknown.slice(0, MOST_NAMES).map((name) => {
      const meant = [...nodes.keys()].find((node) => areConfusable(node, name))
      return meant === undefined ? name : `${name} (is ${meant} meant?)`
    })
    const others = unknown.length > MOST_NAMES ? ' and others' : ''
    return `Endpoints name Nodes that do not exist: ${words.join(', ')}${others}`
  }
}
