/**
 * The members of every active IP set: addresses (or named ports) of all endpoints and network sets of the cluster,
 * local or not, that its selector chooses. Two holders of one address count as two.
 */
import { CountedSet } from './counted-set.ts'
import type { Labels, MemberSource, NamedPort } from './inputs.ts'
import { type LabelCounts, LabelIndex } from './label-index.ts'
import type { SetId } from './messages.ts'
import type { SetSpec } from './set-id.ts'

export interface MemberListener {
  memberAdded(set: SetId, member: string): void
  memberRemoved(set: SetId, member: string): void
}

interface ActiveSet {
  readonly spec: SetSpec
  readonly members: CountedSet<string>
}

export class IpSetMembers {
  readonly #listener: MemberListener
  readonly #sets = new Map<SetId, ActiveSet>()
  readonly #index = new LabelIndex<MemberSource>((set, before, after) => this.#onMatch(set, before, after))

  constructor(listener: MemberListener) {
    this.#listener = listener
  }

  get labelCounts(): LabelCounts {
    return this.#index.counts
  }

  /** Adds, replaces or (with undefined) removes an endpoint or network set. */
  setSource(key: string, source: MemberSource | undefined): void {
    this.#index.setItem(key, source)
  }

  setProfileLabels(profile: string, labels: Labels | undefined): void {
    this.#index.setParent(profile, labels)
  }

  /** Starts to follow a set; its members so far are announced one by one. */
  addSet(spec: SetSpec): void {
    this.#sets.set(spec.id, { spec, members: new CountedSet() })
    this.#index.setSelector(spec.id, spec.selector)
  }

  /** Forgets a set without a word about its members. */
  removeSet(id: SetId): void {
    this.#sets.delete(id)
    this.#index.setSelector(id, undefined)
  }

  membersOf(id: SetId): readonly string[] {
    return this.#sets.get(id)?.members.values() ?? []
  }

  #onMatch(id: SetId, before: MemberSource | undefined, after: MemberSource | undefined): void {
    const set = this.#sets.get(id)
    if (set === undefined || before === after) return
    // What stays is counted up before it is counted down, so it never leaves the set.
    for (const member of contribution(set.spec, after))
      if (set.members.add(member)) this.#listener.memberAdded(id, member)
    for (const member of contribution(set.spec, before)) {
      if (set.members.delete(member)) this.#listener.memberRemoved(id, member)
    }
  }
}

const NOTHING: readonly string[] = []

/** What one source brings into a set. */
function contribution({ port }: SetSpec, source: MemberSource | undefined): readonly string[] {
  if (source === undefined) return NOTHING
  if (port === undefined) return source.members
  const wanted = (candidate: NamedPort): boolean => candidate.name === port.name && candidate.protocol === port.protocol
  return source.ports
    .filter(wanted)
    .flatMap(({ port: number }) => source.members.map((ip) => `${ip},${port.protocol}:${number}`))
}
