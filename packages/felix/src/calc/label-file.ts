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

  /** Adds the ids that something with this label and value concerns. */
  collect(label: string, value: string, into: Set<string>): void {
    const byValue = this.#values.get(label)
    if (byValue === undefined) return
    for (const id of byValue.get(value) ?? []) into.add(id)
    for (const id of byValue.get(undefined) ?? []) into.add(id)
  }

  /** Adds every id filed under the label. */
  collectAll(label: string, into: Set<string>): void {
    for (const ids of this.#values.get(label)?.values() ?? []) for (const id of ids) into.add(id)
  }
}
