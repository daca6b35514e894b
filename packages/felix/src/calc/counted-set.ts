/**
 * A set whose members are held by several holders each. Members held once, nearly all of them, cost a plain set's
 * memory.
 */
export class CountedSet<T> {
  readonly #members = new Set<T>()
  /** Holders beyond the first. */
  readonly #more = new Map<T, number>()

  /** @returns Whether the member is new. */
  add(member: T): boolean {
    if (!this.#members.has(member)) {
      this.#members.add(member)
      return true
    }
    this.#more.set(member, (this.#more.get(member) ?? 0) + 1)
    return false
  }

  /** @returns Whether nobody holds the member any more. */
  delete(member: T): boolean {
    const more = this.#more.get(member)
    if (more === undefined) return this.#members.delete(member)
    if (more === 1) this.#more.delete(member)
    else this.#more.set(member, more - 1)
    return false
  }

  values(): readonly T[] {
    return [...this.#members]
  }
}
