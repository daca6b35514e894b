import type { Chain } from '@calico-node/linux'
import { dispatchChains } from '../../rules/dispatch.ts'
import { nameOfWorkloadChain, type PolicedEndpoint, workloadChain } from '../../rules/endpoints.ts'
import { CHAIN } from '../../rules/names.ts'
import { rule } from '../../rules/vocabulary.ts'
import type { DataplaneOp } from '../ops.ts'
import type { ManagerContext } from './manager.ts'

/** What goes to an interface, and what comes from it. */
const WAYS = [
  { direction: 'ingress', root: CHAIN.toWorkloadDispatch, dispatch: 'to' },
  { direction: 'egress', root: CHAIN.fromWorkloadDispatch, dispatch: 'from' },
] as const

/**
 * Keeps the chains that workloads share and the dispatch tree that leads to them. Only branches that a change touches are
 * sent again. A workload interface without an endpoint is cut off.
 */
export class WorkloadChains {
  readonly #ways: readonly Way[]

  constructor(context: ManagerContext) {
    this.#ways = WAYS.map((way) => new Way(way, context))
  }

  /** Undefined: the interface is no workload's any more. */
  set(interfaceName: string, endpoint: PolicedEndpoint | undefined): void {
    for (const way of this.#ways) way.set(interfaceName, endpoint)
  }

  takeOps(): DataplaneOp[] {
    return this.#ways.flatMap((way) => way.takeOps())
  }
}

class Way {
  readonly #way: (typeof WAYS)[number]
  readonly #context: ManagerContext
  /** By interface: name of the chain that it is led to. */
  readonly #targets = new Map<string, string>()
  /** By chain: how many interfaces are led to it. */
  readonly #users = new Map<string, number>()
  /** By name: what a chain of the tree looked like when it was last sent. */
  #sent = new Map<string, string>()
  #ops: DataplaneOp[] = []
  #dirty = true

  constructor(way: (typeof WAYS)[number], context: ManagerContext) {
    this.#way = way
    this.#context = context
  }

  set(interfaceName: string, endpoint: PolicedEndpoint | undefined): void {
    const before = this.#targets.get(interfaceName)
    const name = endpoint && nameOfWorkloadChain(endpoint, this.#way.direction)
    if (name === before) return
    this.#dirty = true
    if (endpoint !== undefined && name !== undefined) {
      this.#targets.set(interfaceName, name)
      this.#use(name, endpoint)
    } else this.#targets.delete(interfaceName)
    if (before !== undefined) this.#disuse(before)
  }

  takeOps(): DataplaneOp[] {
    if (this.#dirty) this.#ops.push(...this.#dispatchOps())
    this.#dirty = false
    return this.#ops.splice(0)
  }

  #use(name: string, endpoint: PolicedEndpoint): void {
    const users = this.#users.get(name) ?? 0
    this.#users.set(name, users + 1)
    const { settings } = this.#context
    if (users === 0) this.#ops.push(...this.#setOps(workloadChain(endpoint, this.#way.direction, settings)))
  }

  #disuse(name: string): void {
    const users = this.#users.get(name) ?? 0
    if (users > 1) return void this.#users.set(name, users - 1)
    this.#users.delete(name)
    this.#ops.push(...this.#removeOps(name))
  }

  #dispatchOps(): DataplaneOp[] {
    const { root, dispatch: direction } = this.#way
    const otherwise = [rule([], this.#context.settings.deny, 'Unknown interface')]
    const chains = dispatchChains({ root, direction, targets: this.#targets, otherwise })
    const now = new Map(chains.map((chain) => [chain.name, JSON.stringify(chain.rules)]))
    const changed = chains.filter(({ name }) => this.#sent.get(name) !== now.get(name))
    const gone = [...this.#sent.keys()].filter((name) => !now.has(name))
    this.#sent = now
    return [...changed.flatMap((chain) => this.#setOps(chain)), ...gone.flatMap((name) => this.#removeOps(name))]
  }

  #setOps(chain: Chain): DataplaneOp[] {
    return this.#context.versions.map((ipVersion) => ({ kind: 'chain.set', ipVersion, table: 'filter', chain }))
  }

  #removeOps(name: string): DataplaneOp[] {
    return this.#context.versions.map((ipVersion) => ({ kind: 'chain.remove', ipVersion, table: 'filter', name }))
  }
}
