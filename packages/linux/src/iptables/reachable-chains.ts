/**
 * Which chains a kernel hook reaches, by counting references. A chain that nothing reaches costs nothing in the kernel, so a
 * policy of which no endpoint here takes notice is not programmed.
 */
export class ReachableChains {
  readonly #targets = new Map<string, readonly string[]>()
  readonly #references = new Map<string, number>()
  readonly #changed = new Set<string>()

  has(name: string): boolean {
    return this.#references.has(name)
  }

  names(): Iterable<string> {
    return this.#references.keys()
  }

  /** The chains that have become reachable or unreachable since the last call. */
  takeChanged(): readonly string[] {
    const changed = [...this.#changed]
    this.#changed.clear()
    return changed
  }

  /** What the rules of a chain jump to. An empty list stands for a chain that is gone, too. */
  setTargets(name: string, targets: readonly string[]): void {
    const before = this.#targets.get(name) ?? []
    if (targets.length === 0) this.#targets.delete(name)
    else this.#targets.set(name, targets)
    if (this.has(name)) this.#replace(before, targets)
  }

  /** What our rules in the kernel's own chain `hook` jump to. */
  setRoots(hook: string, targets: readonly string[]): void {
    const key = `hook ${hook}` // no chain has a blank in its name
    const before = this.#targets.get(key) ?? []
    this.#targets.set(key, targets)
    this.#replace(before, targets)
  }

  /** Takes the new references before it drops the old, so that what stays in use is never counted as changed for nothing. */
  #replace(before: readonly string[], after: readonly string[]): void {
    for (const target of after) this.#retain(target)
    for (const target of before) this.#release(target)
  }

  #retain(name: string): void {
    const count = this.#references.get(name) ?? 0
    this.#references.set(name, count + 1)
    if (count > 0) return
    this.#changed.add(name)
    for (const target of this.#targets.get(name) ?? []) this.#retain(target)
  }

  #release(name: string): void {
    const count = this.#references.get(name) ?? 0
    if (count > 1) {
      this.#references.set(name, count - 1)
      return
    }
    this.#references.delete(name)
    this.#changed.add(name)
    for (const target of this.#targets.get(name) ?? []) this.#release(target)
  }
}
