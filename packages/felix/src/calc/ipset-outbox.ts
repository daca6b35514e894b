/**
 * IP sets on their way to the receiver: a new set is sent with all its members, later only what came and went. A set
 * that was given up and needed again before it was taken is sent as a whole.
 */
import type { CalcMessage, SetId } from './messages.ts'
import type { SetSpec } from './set-id.ts'

interface Change {
  readonly added: Set<string>
  readonly removed: Set<string>
}

export interface OutgoingSets {
  readonly updates: readonly CalcMessage[]
  readonly removals: readonly CalcMessage[]
}

export class IpSetOutbox {
  readonly #membersOf: (id: SetId) => readonly string[]
  readonly #sent = new Set<SetId>()
  readonly #fresh = new Map<SetId, SetSpec>()
  readonly #gone = new Set<SetId>()
  readonly #changes = new Map<SetId, Change>()

  /** @param membersOf The present members of an active set, asked for when a new one is sent. */
  constructor(membersOf: (id: SetId) => readonly string[]) {
    this.#membersOf = membersOf
  }

  add(spec: SetSpec): void {
    this.#gone.delete(spec.id)
    this.#fresh.set(spec.id, spec)
  }

  remove(id: SetId): void {
    this.#fresh.delete(id)
    this.#changes.delete(id)
    if (this.#sent.has(id)) this.#gone.add(id)
  }

  addMember(id: SetId, member: string): void {
    if (this.#fresh.has(id)) return // it will be sent with all its members
    const change = this.#changeOf(id)
    if (!change.removed.delete(member)) change.added.add(member)
  }

  removeMember(id: SetId, member: string): void {
    if (this.#fresh.has(id)) return
    const change = this.#changeOf(id)
    if (!change.added.delete(member)) change.removed.add(member)
  }

  take(): OutgoingSets {
    const updates: CalcMessage[] = []
    for (const [id, { port }] of this.#fresh) {
      updates.push({ kind: 'ipset.update', id, type: port ? 'hash:ip,port' : 'hash:net', members: this.#membersOf(id) })
      this.#sent.add(id)
    }
    for (const [id, { added, removed }] of this.#changes) {
      if (added.size + removed.size > 0)
        updates.push({ kind: 'ipset.delta', id, added: [...added], removed: [...removed] })
    }
    const removals = [...this.#gone].map((id): CalcMessage => ({ kind: 'ipset.remove', id }))
    for (const id of this.#gone) this.#sent.delete(id)
    for (const pending of [this.#fresh, this.#changes, this.#gone]) pending.clear()
    return { updates, removals }
  }

  #changeOf(id: SetId): Change {
    let change = this.#changes.get(id)
    if (change === undefined) this.#changes.set(id, (change = { added: new Set(), removed: new Set() }))
    return change
  }
}
