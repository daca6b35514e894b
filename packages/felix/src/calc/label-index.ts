/**
 * Which items does a selector match, as both change.
 *
 * Goal: a change of one item costs as much as there are selectors that could match it, a new selector as much as there
 * are items that it could match; neither depends on the size of the cluster. Selectors are filed under the narrowest
 * label restriction that a match must satisfy ({@link indexKeys}), items under each of their labels.
 *
 * Invariant: no match is remembered. Whether a selector matched before a change is computed again from the labels as
 * they were; so what the listener was told always follows from the present labels, whatever path led here, and 10,000
 * items that 50 selectors match each cost no memory here.
 *
 * An item inherits the labels of its parents: its own label wins, then the first parent in its list that has it.
 */
import { indexKeys, type LabelRestriction, type LabelSource, type Selector } from '@calico-node/selector'
import { Groups } from './groups.ts'
import type { Labelled, Labels } from './inputs.ts'
import { LabelFile } from './label-file.ts'

/**
 * Told of each (selector, item) pair that a change touches: the item as it was if it matched, and as it is if it
 * matches. Both are given when it goes on matching; they are the same object when only inherited labels changed.
 */
export type MatchListener<T> = (selector: string, before: T | undefined, after: T | undefined) => void

/** An item with the labels that count. */
interface View<T> {
  readonly item: T
  readonly labels: EffectiveLabels
}

export interface LabelCounts {
  readonly items: number
  /** Selectors that can only match items with a certain label. */
  readonly restricted: number
  readonly unrestricted: number
}

export class LabelIndex<T extends Labelled> {
  readonly #onMatch: MatchListener<T>
  readonly #views = new Map<string, View<T>>()
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
    const was = this.#views.get(id)
    for (const parent of was?.item.parents ?? []) this.#children.delete(parent, id)
    for (const parent of item?.parents ?? []) this.#children.add(parent, id)
    this.#replace(id, was, item)
  }

  /** Sets or (with undefined) removes the labels that the items below `parent` inherit. */
  setParent(parent: string, labels: Labels | undefined): void {
    if (labels === undefined) this.#inherited.delete(parent)
    else this.#inherited.set(parent, labels)
    for (const id of this.#children.of(parent)) {
      const was = this.#views.get(id)
      this.#replace(id, was, was?.item)
    }
  }

  /** Adds, replaces or (with undefined) removes a selector. */
  setSelector(id: string, selector: Selector | undefined): void {
    const before = this.#selectors.get(id)
    if (before?.text === selector?.text) return
    const could = before && this.#unfile(id, before)
    const can = selector && this.#file(id, selector)
    for (const view of union(could, can)) {
      this.#tell(id, matching(before, view), matching(selector, view))
    }
  }

  /** Sizes, for figures. */
  get counts(): LabelCounts {
    const unrestricted = this.#unrestricted.size
    return { items: this.#views.size, restricted: this.#selectors.size - unrestricted, unrestricted }
  }

  #tell(selector: string, before: T | undefined, after: T | undefined): void {
    if (before !== undefined || after !== undefined) this.#onMatch(selector, before, after)
  }

  /** Puts the item in place of what was there, and asks every selector that could match one of the two. */
  #replace(id: string, was: View<T> | undefined, item: T | undefined): void {
    const now = item && {
      item,
      labels: new EffectiveLabels(
        item.labels,
        item.parents.map((parent) => this.#inherited.get(parent)),
      ),
    }
    if (now === undefined) this.#views.delete(id)
    else this.#views.set(id, now)
    for (const [label, value] of was?.labels.entries() ?? []) {
      if (now?.labels.get(label) !== value) this.#itemsByLabel.delete(label, value, id)
    }
    for (const [label, value] of now?.labels.entries() ?? []) {
      if (was?.labels.get(label) !== value) this.#itemsByLabel.add(label, value, id)
    }
    for (const selectorId of this.#candidates(was, now)) {
      const selector = this.#selectors.get(selectorId)
      this.#tell(selectorId, matching(selector, was), matching(selector, now))
    }
  }

  /** The selectors, each once, that could match one of two views. */
  #candidates(was: View<T> | undefined, now: View<T> | undefined): ReadonlySet<string> {
    const found = new Set(this.#unrestricted)
    for (const view of [was, now]) {
      for (const [label, value] of view?.labels.entries() ?? []) {
        for (const id of this.#selectorsByLabel.under(label, value)) found.add(id)
        for (const id of this.#selectorsByLabel.under(label, undefined)) found.add(id)
      }
    }
    return found
  }

  /** @returns The items, each once, that it could match. */
  #file(id: string, selector: Selector): Iterable<View<T>> {
    const keys = indexKeys(selector.ast)
    this.#selectors.set(id, selector)
    if (keys === undefined) this.#unrestricted.add(id)
    else for (const value of keys.values ?? [undefined]) this.#selectorsByLabel.add(keys.label, value, id)
    return this.#itemsFor(keys)
  }

  #unfile(id: string, selector: Selector): Iterable<View<T>> {
    const keys = indexKeys(selector.ast)
    this.#selectors.delete(id)
    if (keys === undefined) this.#unrestricted.delete(id)
    else for (const value of keys.values ?? [undefined]) this.#selectorsByLabel.delete(keys.label, value, id)
    return this.#itemsFor(keys)
  }

  *#itemsFor(keys: LabelRestriction | undefined): Generator<View<T>> {
    if (keys === undefined) {
      yield* this.#views.values()
      return
    }
    const { label, values } = keys
    const file = this.#itemsByLabel
    for (const ids of values?.map((value) => file.under(label, value)) ?? file.allUnder(label)) {
      for (const id of ids) {
        const view = this.#views.get(id)
        if (view !== undefined) yield view
      }
    }
  }
}

const matching = <T>(selector: Selector | undefined, view: View<T> | undefined): T | undefined =>
  view !== undefined && selector?.matches(view.labels) ? view.item : undefined

/** The elements of both, each once; copied only when there are both. */
function union<V>(a: Iterable<V> | undefined, b: Iterable<V> | undefined): Iterable<V> {
  return a === undefined || b === undefined ? (a ?? b ?? []) : new Set([...a, ...b])
}

/** An item's own labels over those of its parents, as they were when it was made. */
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

  /** May repeat a label, never with another value. */
  *entries(): Generator<readonly [label: string, value: string]> {
    yield* this.#own
    for (const labels of this.#inherited) {
      for (const [label, value] of labels ?? []) if (this.get(label) === value) yield [label, value]
    }
  }
}
