/**
 * Which items does a selector match, as both change.
 *
 * Goal: a change of one item costs as much as there are selectors that could match it, a new selector as much as there are
 * items that it could match; neither depends on the size of the cluster. Selectors are filed under the narrowest label
 * restriction that a match must satisfy ({@link indexKeys}), items under each of their labels.
 *
 * Invariant: no match is remembered. Whether a selector matched before a change is computed again from the labels as they
 * were; so what the listener was told always follows from the present labels, whatever path led here, and 10,000 items
 * that 50 selectors match each cost no memory here.
 *
 * An item inherits the labels of its parents: its own label wins, then the first parent in its list that has it.
 */
import { indexKeys, type LabelRestriction, type LabelSource, type Selector } from '@calico-node/selector'
import { Groups } from './groups.ts'
import type { Labelled, Labels } from './inputs.ts'
import { LabelFile } from './label-file.ts'

/**
 * Told of each (selector, item) pair that a change touches: the item as it was if it matched, and as it is if it matches.
 * Both are given when it goes on matching; they are the same object when only inherited labels changed.
 */
export type MatchListener<T> = (selector: string, before: T | undefined, after: T | undefined) => void

/** An item at one moment. */
interface View<T> {
  readonly item: T
  readonly labels: EffectiveLabels
}

export class LabelIndex<T extends Labelled> {
  readonly #onMatch: MatchListener<T>
  readonly #items = new Map<string, T>()
  readonly #itemsByLabel = new LabelFile()
  readonly #children = new Groups<string, string>()
  readonly #inherited = new Map<string, Labels>()
  readonly #selectors = new Map<string, Selector>()
  readonly #selectorsByLabel = new LabelFile()
  readonly #unrestricted = new Set<string>()

  constructor(onMatch: MatchListener<T>) {
    this.#onMatch = onMatch
  }

  /** Adds, replaces or (with undefined) removes an item. */
  setItem(id: string, item: T | undefined): void {
    const was = this.#view(id)
    for (const parent of was?.item.parents ?? []) this.#children.delete(parent, id)
    for (const parent of item?.parents ?? []) this.#children.add(parent, id)
    if (item === undefined) this.#items.delete(id)
    else this.#items.set(id, item)
    this.#compare(id, was, this.#view(id))
  }

  /** Sets or (with undefined) removes the labels that the items below `parent` inherit. */
  setParent(parent: string, labels: Labels | undefined): void {
    const children = [...this.#children.of(parent)].map((id) => ({ id, was: this.#view(id) }))
    if (labels === undefined) this.#inherited.delete(parent)
    else this.#inherited.set(parent, labels)
    for (const { id, was } of children) this.#compare(id, was, this.#view(id))
  }

  /** Adds, replaces or (with undefined) removes a selector. */
  setSelector(id: string, selector: Selector | undefined): void {
    const before = this.#selectors.get(id)
    if (before?.text === selector?.text) return
    const candidates = new Set<string>()
    if (before !== undefined) this.#unfile(id, before, candidates)
    if (selector !== undefined) this.#file(id, selector, candidates)
    for (const itemId of candidates) {
      const view = this.#view(itemId)
      if (view !== undefined) this.#tell(id, matching(before, view), matching(selector, view))
    }
  }

  #view(id: string): View<T> | undefined {
    const item = this.#items.get(id)
    return item && { item, labels: new EffectiveLabels(item.labels, item.parents.map((parent) => this.#inherited.get(parent))) }
  }

  #tell(selector: string, before: T | undefined, after: T | undefined): void {
    if (before !== undefined || after !== undefined) this.#onMatch(selector, before, after)
  }

  /** Files the item anew and asks every selector that could match it as it was or as it is. */
  #compare(id: string, was: View<T> | undefined, now: View<T> | undefined): void {
    const candidates = new Set(this.#unrestricted)
    for (const [label, value] of was?.labels.entries() ?? []) {
      this.#selectorsByLabel.collect(label, value, candidates)
      if (now?.labels.get(label) !== value) this.#itemsByLabel.delete(label, value, id)
    }
    for (const [label, value] of now?.labels.entries() ?? []) {
      if (was?.labels.get(label) === value) continue // the loop above has seen it
      this.#selectorsByLabel.collect(label, value, candidates)
      this.#itemsByLabel.add(label, value, id)
    }
    for (const selectorId of candidates) {
      const selector = this.#selectors.get(selectorId)
      this.#tell(selectorId, matching(selector, was), matching(selector, now))
    }
  }

  #file(id: string, selector: Selector, candidates: Set<string>): void {
    const keys = indexKeys(selector.ast)
    this.#selectors.set(id, selector)
    if (keys === undefined) this.#unrestricted.add(id)
    else for (const value of keys.values ?? [undefined]) this.#selectorsByLabel.add(keys.label, value, id)
    this.#collectItems(keys, candidates)
  }

  #unfile(id: string, selector: Selector, candidates: Set<string>): void {
    const keys = indexKeys(selector.ast)
    this.#selectors.delete(id)
    if (keys === undefined) this.#unrestricted.delete(id)
    else for (const value of keys.values ?? [undefined]) this.#selectorsByLabel.delete(keys.label, value, id)
    this.#collectItems(keys, candidates)
  }

  #collectItems(keys: LabelRestriction | undefined, into: Set<string>): void {
    if (keys === undefined) for (const id of this.#items.keys()) into.add(id)
    else if (keys.values === undefined) this.#itemsByLabel.collectAll(keys.label, into)
    else for (const value of keys.values) this.#itemsByLabel.collect(keys.label, value, into)
  }
}

const matching = <T>(selector: Selector | undefined, view: View<T> | undefined): T | undefined =>
  view !== undefined && selector?.matches(view.labels) ? view.item : undefined

/** An item's own labels over those of its parents. */
class EffectiveLabels implements LabelSource {
  readonly #own: Labels
  readonly #inherited: readonly (Labels | undefined)[]

  constructor(own: Labels, inherited: readonly (Labels | undefined)[]) {
    this.#own = own
    this.#inherited = inherited
  }

  get(name: string): string | undefined {
    const own = this.#own.get(name)
    if (own !== undefined) return own
    for (const labels of this.#inherited) {
      const value = labels?.get(name)
      if (value !== undefined) return value
    }
    return undefined
  }

  *entries(): Generator<readonly [label: string, value: string]> {
    yield* this.#own
    for (const labels of this.#inherited) {
      for (const [label, value] of labels ?? []) if (this.get(label) === value) yield [label, value]
    }
  }
}
