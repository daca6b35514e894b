const NONE: ReadonlySet<string> = new Set()

/** Ids filed under a label and one of its values, or under the label whatever its value (`value` undefined). */
export class LabelFile {
  readonly #values = new Map<string, Map<string | undefined, Set<string>>>()

  add(label: string, value: string | undefined, id: string): void {
    let byValue = this.#values.get(label)
    if (byValue === undefined) this.#values.set(label, (byValue = new Map()))
    const ids = byValue.get(value)
    if (ids === undefined) byValue.set(value, new Set([id]))
    else ids.add(id)
  }

  delete(label: string, value: string | undefined, id: string): void {
    const byValue = this.#values.get(label)
    const ids = byValue?.get(value)
    ids?.delete(id)
    if (ids?.size === 0) byValue?.delete(value)
    if (byValue?.size === 0) this.#values.delete(label)
  }

  /** Exactly those filed under this value (or under none). */
  under(label: string, value: string | undefined): ReadonlySet<string> {
    return this.#values.get(label)?.get(value) ?? NONE
  }

  /** Every group of ids filed under the label. */
  allUnder(label: string): Iterable<ReadonlySet<string>> {
    return this.#values.get(label)?.values() ?? []
  }
}
