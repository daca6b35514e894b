/**
 * One copy of what many endpoints say alike: names of nodes, labels, profiles. Without it a large cluster costs a tenth more
 * memory; it decides nothing.
 */
import type { NodeName } from '@calico-node/model'
import type { Labels } from './inputs.ts'
import type { ProfileId } from './messages.ts'

/** Beyond so many values of a sort all are forgotten; those who hold one keep it. */
const LIMIT = 20_000

class Shared<T> {
  readonly #values = new Map<string, T>()

  /** @param key Says all that the value says. */
  get(key: string, make: () => T): T {
    const known = this.#values.get(key)
    if (known !== undefined) return known
    if (this.#values.size >= LIMIT) this.#values.clear()
    const value = make()
    this.#values.set(key, value)
    return value
  }
}

export class SharedValues {
  readonly #texts = new Shared<string>()
  readonly #nodes = new Shared<NodeName>()
  readonly #profiles = new Shared<readonly ProfileId[]>()
  readonly #labels = new Shared<Labels>()

  text(text: string): string {
    return this.#texts.get(text, () => text)
  }

  node(node: NodeName): NodeName {
    return this.#nodes.get(node, () => node)
  }

  profiles(ids: readonly ProfileId[]): readonly ProfileId[] {
    return this.#profiles.get(keyOf(ids), () => ids)
  }

  /** In this order. */
  labels(pairs: readonly (readonly [name: string, value: string])[]): Labels {
    return this.#labels.get(keyOf(pairs.flat()), () => new Map(pairs))
  }
}

/** Each text with its length, so that no two lists look alike. */
const keyOf = (texts: readonly string[]): string => texts.map((text) => `${text.length}:${text}`).join('')
