import { type Ip, cidrOf, ipVersion } from '@calico-node/model'

/** Members of one IP set, as the graph spells them: addresses, networks, or addresses with a port. */
export class MemberSet {
  readonly #members: Set<string>
  /** How many members have each prefix length; lengths that nobody has need no look. */
  readonly #lengths = new Map<number, number>()

  constructor(members: Iterable<string>) {
    this.#members = new Set()
    this.change(members, [])
  }

  change(added: Iterable<string>, removed: Iterable<string>): void {
    for (const member of removed) if (this.#members.delete(member)) this.#count(member, -1)
    for (const member of added) {
      if (this.#members.has(member)) continue
      this.#members.add(member)
      this.#count(member, 1)
    }
  }

  has(member: string): boolean {
    return this.#members.has(member)
  }

  /** Whether the address, or a network that holds it, is a member. */
  hasAddress(ip: Ip): boolean {
    if (this.#members.has(ip)) return true
    const max = ipVersion(ip) === 4 ? 32 : 128
    return [...this.#lengths.keys()].some((length) => length <= max && this.#members.has(cidrOf(ip, length)))
  }

  #count(member: string, by: 1 | -1): void {
    const length = Number(/\/(\d+)$/.exec(member)?.[1])
    if (Number.isNaN(length)) return
    const count = (this.#lengths.get(length) ?? 0) + by
    if (count === 0) this.#lengths.delete(length)
    else this.#lengths.set(length, count)
  }
}
