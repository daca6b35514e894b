import type { Chain } from '@calico-node/linux'
import { type Branch, dispatchChain, type DispatchNode, dispatchTree } from '../../rules/dispatch.ts'
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
  /** By name: the chains of the dispatch tree. */
  #tree: ReadonlyMap<string, DispatchNode> = new Map()
  /** Whether interfaces have come or gone since the tree was grown. */
  #outgrown = true
  /** Interfaces that may be led elsewhere than when last sent. */
  readonly #turned = new Set<string>()
  #ops: DataplaneOp[] = []

  constructor(way: (typeof WAYS)[number], context: ManagerContext) {
    this.#way = way
    this.#context = context
  }

  set(interfaceName: string, endpoint: PolicedEndpoint | undefined): void {
    const before = this.#targets.get(interfaceName)
    const name = endpoint && nameOfWorkloadChain(endpoint, this.#way.direction)
    if (name === before) return
    if (name === undefined || before === undefined) this.#outgrown = true
    this.#turned.add(interfaceName)
    if (endpoint !== undefined && name !== undefined) {
      this.#targets.set(interfaceName, name)
      this.#use(name, endpoint)
    } else this.#targets.delete(interfaceName)
    if (before !== undefined) this.#disuse(before)
  }

  takeOps(): DataplaneOp[] {
    this.#ops.push(...this.#dispatchOps())
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

  /** A chain for each branch in which an interface has come, gone, or turned. */
  #dispatchOps(): DataplaneOp[] {
    const before = this.#tree
    if (this.#outgrown) {
      const nodes = dispatchTree(this.#way.root, this.#targets.keys())
      this.#tree = new Map(nodes.map((node) => [node.name, node]))
    }
    const changed = new Set(
      this.#outgrown ? this.#tree.values().filter((node) => !sameBranches(node, before.get(node.name))) : [],
    )
    for (const name of this.#turned) {
      const node = this.#nodeOf(name)
      if (node !== undefined) changed.add(node)
    }
    const gone = this.#outgrown ? [...before.keys()].filter((name) => !this.#tree.has(name)) : []
    this.#outgrown = false
    this.#turned.clear()
    const { root, dispatch: direction } = this.#way
    const otherwise = [rule([], this.#context.settings.deny, 'Unknown interface')]
    const chains = [...changed].map((node) =>
      dispatchChain(node, { root, direction, targets: this.#targets, otherwise }),
    )
    return [...chains.flatMap((chain) => this.#setOps(chain)), ...gone.flatMap((name) => this.#removeOps(name))]
  }

  /** The chain of the tree that names the interface. */
  #nodeOf(interfaceName: string): DispatchNode | undefined {
    let node = this.#tree.get(this.#way.root)
    for (;;) {
      const branch = node?.branches.find((each) => leads(each, interfaceName))
      if (branch?.below === undefined) return branch && node
      node = this.#tree.get(branch.below)
    }
  }

  #setOps(chain: Chain): DataplaneOp[] {
    return this.#context.versions.map((ipVersion) => ({ kind: 'chain.set', ipVersion, table: 'filter', chain }))
  }

  #removeOps(name: string): DataplaneOp[] {
    return this.#context.versions.map((ipVersion) => ({ kind: 'chain.remove', ipVersion, table: 'filter', name }))
  }
}

const leads = ({ name, below }: Branch, interfaceName: string): boolean =>
  below === undefined ? name === interfaceName : interfaceName.startsWith(name)

const sameBranches = ({ branches }: DispatchNode, other: DispatchNode | undefined): boolean =>
  branches.length === other?.branches.length &&
  branches.every(({ name, below }, at) => name === other.branches[at]?.name && below === other.branches[at]?.below)
