import type { CalcMessage, RuleLists } from '../../calc/messages.ts'
import type { RuleOwner } from '../../rules/log-prefix.ts'
import { ownedChainNames, ownedChains } from '../../rules/policy.ts'
import type { DataplaneOp } from '../ops.ts'
import type { Manager, ManagerContext } from './manager.ts'

/** Rules of an owner as they shall be; undefined when the owner is gone. */
interface Change {
  readonly owner: RuleOwner
  readonly rules: RuleLists | undefined
}

/** Policies and profiles in use: two chains each. */
export class PolicyManager implements Manager {
  readonly #context: ManagerContext
  #changes = new Map<string, Change>()
  constructor(context: ManagerContext) {
    this.#context = context
  }

  onMessage(message: CalcMessage): void {
    switch (message.kind) {
      case 'policy.update': return this.#note({ kind: 'policy', id: message.id }, message.rules)
      case 'policy.remove': return this.#note({ kind: 'policy', id: message.id }, undefined)
      case 'profile.update': return this.#note({ kind: 'profile', id: message.id }, message.rules)
      case 'profile.remove': return this.#note({ kind: 'profile', id: message.id }, undefined)
      default: return
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

export function policyOps({ owner, rules }: Change, { versions, settings }: ManagerContext): DataplaneOp[] {
  const table = 'filter'
  return versions.flatMap((version): DataplaneOp[] =>
    rules === undefined
      ? ownedChainNames(owner).map((name) => ({ kind: 'chain.remove', ipVersion: version, table, name }))
      : ownedChains(owner, rules, { version, settings }).map((chain) => ({ kind: 'chain.set', ipVersion: version, table, chain })),
  )
}
