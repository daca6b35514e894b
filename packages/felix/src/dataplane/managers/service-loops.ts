import type { Cidr } from '@calico-node/model'
import type { CalcMessage } from '../../calc/messages.ts'
import { serviceLoopChain } from '../../rules/service-loops.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, ManagerContext } from './manager.ts'

/** Service addresses that no service claims: routers send them here, and our default route would send them back. */
export class ServiceLoopManager implements Manager {
  readonly #context: ManagerContext
  #networks: readonly Cidr[] = []
  #dirty = true
  constructor(context: ManagerContext) {
    this.#context = context
  }

  onMessage(message: CalcMessage): void {
    if (message.kind !== 'service-networks') return
    this.#networks = message.cidrs
    this.#dirty = true
  }

  takeOps(): readonly DataplaneOp[] {
    if (!this.#dirty) return []
    this.#dirty = false
    const { versions, settings } = this.#context
    return versions.map((ipVersion) => ({
      kind: 'chain.set',
      ipVersion,
      table: 'filter',
      chain: serviceLoopChain(this.#networks, ipVersion, settings),
    }))
  }
}
