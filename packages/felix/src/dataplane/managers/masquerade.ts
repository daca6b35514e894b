import type { Cidr } from '@calico-node/model'
import type { CalcMessage } from '../../calc/messages.ts'
import { masquerade, type MasqueradePool } from '../../rules/nat.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, ManagerContext } from './manager.ts'

/** IP pools: what leaves those with natOutgoing gets an address of this host. */
export class MasqueradeManager implements Manager {
  readonly #context: ManagerContext
  readonly #pools = new Map<Cidr, MasqueradePool>()
  #dirty = true
  constructor(context: ManagerContext) {
    this.#context = context
  }

  onMessage(message: CalcMessage): void {
    if (message.kind === 'pool.update') {
      this.#pools.set(message.cidr, { cidr: message.cidr, natOutgoing: message.pool.natOutgoing ?? false })
    } else if (message.kind === 'pool.remove') this.#pools.delete(message.cidr)
    else return
    this.#dirty = true
  }

  takeOps(): readonly DataplaneOp[] {
    if (!this.#dirty) return []
    this.#dirty = false
    return masqueradeOps([...this.#pools.values()], this.#context)
  }
}

export function masqueradeOps(
  pools: readonly MasqueradePool[],
  { versions, settings, maxSetElements: maxElements }: ManagerContext,
): DataplaneOp[] {
  return versions.flatMap((version): DataplaneOp[] => {
    const { sets, chain } = masquerade(pools, { version, settings, maxElements })
    return [
      ...sets.map((set) => ({ kind: 'ip-set.set', set }) as const),
      { kind: 'chain.set', ipVersion: version, table: 'nat', chain },
    ]
  })
}
