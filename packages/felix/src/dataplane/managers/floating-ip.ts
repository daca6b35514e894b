import type { CalcMessage, FloatingIp, WorkloadId } from '../../calc/messages.ts'
import { workloadKey } from '../../calc/messages.ts'
import { floatingIpChains } from '../../rules/nat.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, ManagerContext } from './manager.ts'

/** Addresses that stand for workloads of this host outside; their routes come with those of the workload. */
export class FloatingIpManager implements Manager {
  readonly #context: ManagerContext
  readonly #pairs = new Map<string, readonly FloatingIp[]>()
  #dirty = true
  constructor(context: ManagerContext) {
    this.#context = context
  }

  onMessage(message: CalcMessage): void {
    if (message.kind === 'workload.update') this.#set(message.endpoint.id, message.endpoint.floatingIps ?? [])
    else if (message.kind === 'workload.remove') this.#set(message.id, [])
  }

  takeOps(): readonly DataplaneOp[] {
    if (!this.#dirty) return []
    this.#dirty = false
    const pairs = [...this.#pairs.values()].flat()
    return this.#context.versions.flatMap((version) =>
      floatingIpChains(pairs, version).map(
        (chain): DataplaneOp => ({ kind: 'chain.set', ipVersion: version, table: 'nat', chain }),
      ),
    )
  }

  #set(id: WorkloadId, pairs: readonly FloatingIp[]): void {
    const key = workloadKey(id)
    if (pairs.length === 0 && !this.#pairs.has(key)) return
    if (pairs.length === 0) this.#pairs.delete(key)
    else this.#pairs.set(key, pairs)
    this.#dirty = true
  }
}
