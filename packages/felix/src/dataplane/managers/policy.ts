import type { Table } from '@calico-node/linux'
import type { CalcMessage, RuleLists } from '../../calc/messages.ts'
import type { RuleOwner } from '../../rules/log-prefix.ts'
import { ownedChainNames, ownedChains } from '../../rules/policy.ts'
import { DROP } from '../../rules/vocabulary.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, ManagerContext } from './manager.ts'

/** Rules of an owner as they shall be; undefined when the owner is gone. */
interface Change {
  readonly owner: RuleOwner
  readonly rules: RuleLists | undefined
}

/** Policies and profiles in use: two chains each, in every table that may ask them. */
export class PolicyManager implements Manager {
  readonly #context: ManagerContext
  #changes = new Map<string, Change>()
  constructor(context: ManagerContext) {
    this.#context = context
  }

  onMessage(message: CalcMessage): void {
    switch (message.kind) {
      case 'policy.update':
        return this.#note({ kind: 'policy', id: message.id }, message.rules)
      case 'policy.remove':
        return this.#note({ kind: 'policy', id: message.id }, undefined)
      case 'profile.update':
        return this.#note({ kind: 'profile', id: message.id }, message.rules)
      case 'profile.remove':
        return this.#note({ kind: 'profile', id: message.id }, undefined)
      default:
        return
    }
  }

  takeOps(): readonly DataplaneOp[] {
    const changes = this.#changes
    this.#changes = new Map()
    return [...changes.values()].flatMap((change) => policyOps(change, this.#context))
  }

  #note(owner: RuleOwner, rules: RuleLists | undefined): void {
    this.#changes.set(`${owner.kind} ${owner.id}`, { owner, rules })
  }
}

/**
 * Host endpoints ask policies in every table, and profiles wherever they ask them last. A table holds only what is jumped
 * to, so a chain that nobody needs there costs nothing in the kernel. Packets are rejected in the filter table only.
 */
const TABLES_OF = { policy: ['raw', 'mangle', 'filter'], profile: ['mangle', 'filter'] } as const satisfies Record<
  RuleOwner['kind'],
  readonly Table[]
>

export function policyOps({ owner, rules }: Change, { versions, settings }: ManagerContext): DataplaneOp[] {
  const tables: readonly Table[] = TABLES_OF[owner.kind]
  const names = ownedChainNames(owner)
  return versions.flatMap((ipVersion): DataplaneOp[] => {
    if (rules === undefined)
      return tables.flatMap((table) => names.map((name) => ({ kind: 'chain.remove', ipVersion, table, name }) as const))
    const filter = ownedChains(owner, rules, { version: ipVersion, settings })
    const elsewhere =
      settings.deny.kind === 'drop'
        ? filter
        : ownedChains(owner, rules, { version: ipVersion, settings: { ...settings, deny: DROP } })
    return tables.flatMap((table) =>
      (table === 'filter' ? filter : elsewhere).map(
        (chain) => ({ kind: 'chain.set', ipVersion, table, chain }) as const,
      ),
    )
  })
}
