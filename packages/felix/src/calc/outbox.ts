/**
 * Whole objects on their way to a receiver that remembers what it got: keeps the latest state of each until it is
 * taken, and then passes on only what differs from what the receiver has.
 */
export interface Outgoing<K, V> {
  readonly updates: ReadonlyMap<K, V>
  /** What the receiver must forget, as it knows it. */
  readonly removals: ReadonlyMap<K, V>
}

export class Outbox<K, V> {
  readonly #sent = new Map<K, V>()
  readonly #pending = new Map<K, V | undefined>()

  /** Sets or (with undefined) removes. */
  set(key: K, value: V | undefined): void {
    this.#pending.set(key, value)
  }

  take(): Outgoing<K, V> {
    const updates = new Map<K, V>()
    const removals = new Map<K, V>()
    for (const [key, value] of this.#pending) {
      const before = this.#sent.get(key)
      if (value === undefined) {
        if (before !== undefined) removals.set(key, before)
        this.#sent.delete(key)
      } else if (before === undefined || !sameJson(before, value)) {
        updates.set(key, value)
        this.#sent.set(key, value)
      }
    }
    this.#pending.clear()
    return { updates, removals }
  }
}

/** Equality of plain data whose fields were written in the same order. */
const sameJson = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)
