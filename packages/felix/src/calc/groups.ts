/** Sets of values under keys; a key without values takes no space. */
export class Groups<K, V> {
  readonly #groups = new Map<K, Set<V>>()

  of(key: K): ReadonlySet<V> {
    return this.#groups.get(key) ?? new Set()
  }

  has(key: K): boolean {
    return this.#groups.has(key)
  }

  keys(): MapIterator<K> {
    return this.#groups.keys()
  }

  get size(): number {
    return this.#groups.size
  }

  add(key: K, value: V): void {
    const group = this.#groups.get(key)
    if (group === undefined) this.#groups.set(key, new Set([value]))
    else group.add(value)
  }

  delete(key: K, value: V): void {
    const group = this.#groups.get(key)
    group?.delete(value)
    if (group?.size === 0) this.#groups.delete(key)
  }
}
