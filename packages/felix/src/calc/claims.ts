/** What several sources say about a key. The first source by name counts, whoever came first; the others wait. */
export class Claims<K, V> {
  readonly #claims = new Map<K, Map<string, V>>()

  /** Undefined: the source says nothing any more. */
  set(key: K, source: string, value: V | undefined): void {
    const claims = this.#claims.get(key) ?? new Map<string, V>()
    if (value === undefined) claims.delete(source)
    else claims.set(source, value)
    if (claims.size === 0) this.#claims.delete(key)
    else this.#claims.set(key, claims)
  }

  of(key: K): V | undefined {
    const claims = this.#claims.get(key)
    if (claims === undefined || claims.size === 1) return claims?.values().next().value
    const [first = ''] = [...claims.keys()].toSorted()
    return claims.get(first)
  }

  /** What anybody says about the key. */
  values(key: K): Iterable<V> {
    return this.#claims.get(key)?.values() ?? []
  }

  keys(): MapIterator<K> {
    return this.#claims.keys()
  }
}
