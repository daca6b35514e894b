/**
 * Holds the facts as they stand and hands each change, what was and what is, to the parts of the graph that asked for
 * its kind, in the order in which they asked.
 */
import type { InputKind, InputOf, InputValue } from './inputs.ts'

export interface Change<T> {
  readonly key: string
  readonly before: T | undefined
  readonly after: T | undefined
}

interface Channel<T> {
  readonly facts: Map<string, T>
  readonly handlers: ((change: Change<T>) => void)[]
}

const channel = <T>(): Channel<T> => ({ facts: new Map(), handlers: [] })

export class Dispatcher {
  readonly #channels: { readonly [K in InputKind]: Channel<InputValue<K>> } = {
    endpoint: channel(),
    'network-set': channel(),
    policy: channel(),
    profile: channel(),
    tier: channel(),
    pool: channel(),
    node: channel(),
    block: channel(),
    'cluster-bgp': channel(),
    'workload-peer': channel(),
  }

  on<K extends InputKind>(kind: K, handler: (change: Change<InputValue<K>>) => void): void {
    this.#channels[kind].handlers.push(handler)
  }

  /** As `on`, told by an identity within the value. A change that moves the identity removes the old one first. */
  onIdentity<K extends InputKind, I extends string>(
    kind: K,
    identityOf: (value: InputValue<K>) => I,
    handle: (id: I, value: InputValue<K> | undefined) => void,
  ): void {
    this.on(kind, ({ before, after }) => {
      const [was, is] = [before && identityOf(before), after && identityOf(after)]
      if (was !== undefined && was !== is) handle(was, undefined)
      if (is !== undefined) handle(is, after)
    })
  }

  dispatch<K extends InputKind>({ kind, key, value: after }: InputOf<K>): void {
    const { facts, handlers } = this.#channels[kind]
    const before = facts.get(key)
    if (before === undefined && after === undefined) return
    if (after === undefined) facts.delete(key)
    else facts.set(key, after)
    for (const handle of handlers) handle({ key, before, after })
  }

  /** The facts of one kind, by key. */
  facts<K extends InputKind>(kind: K): ReadonlyMap<string, InputValue<K>> {
    return this.#channels[kind].facts
  }
}
