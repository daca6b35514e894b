/**
 * Values by key that go only some time after they were released. While hosts of a cluster learn of a change one after the
 * other, each must still understand what the others send.
 */
export class Lingering<K, V> {
  readonly #lingerMs: number
  readonly #now: () => number
  readonly #values = new Map<K, V>()
  /** When released ones go, in the order in which they were released. */
  readonly #leaving = new Map<K, number>()

  /** @param opts.now Monotonic clock in milliseconds. */
  constructor(opts: { readonly lingerMs: number; readonly now: () => number }) {
    this.#lingerMs = opts.lingerMs
    this.#now = opts.now
  }

  get(key: K): V | undefined {
    return this.#values.get(key)
  }

  set(key: K, value: V): void {
    this.#leaving.delete(key)
    this.#values.set(key, value)
  }

  release(key: K): void {
    if (this.#values.has(key) && !this.#leaving.has(key)) this.#leaving.set(key, this.#now() + this.#lingerMs)
  }

  /** Goes at once. */
  drop(key: K): void {
    this.#leaving.delete(key)
    this.#values.delete(key)
  }

  values(): Iterable<V> {
    return this.#values.values()
  }

  keys(): Iterable<K> {
    return this.#values.keys()
  }

  /** Those that were released and still stand. */
  leaving(): Iterable<K> {
    return this.#leaving.keys()
  }

  /** Keys whose time is over; they are gone now. */
  takeExpired(): K[] {
    const now = this.#now()
    const expired = [...this.#leaving].filter(([, at]) => at <= now).map(([key]) => key)
    for (const key of expired) this.drop(key)
    return expired
  }

  /** Milliseconds until the next one expires; undefined = none will. */
  dueInMs(): number | undefined {
    const [first] = this.#leaving.values()
    return first === undefined ? undefined : Math.max(0, first - this.#now())
  }
}
