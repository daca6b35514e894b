/** The whole content of a store at one moment. */
export type State<K = string, V = string> = ReadonlyMap<K, V>

/**
 * One written sequence of states as several runs. A state is the whole store, the sequence is the path that a test walks;
 * what comes out may depend on the last state only, so every run that ends in the same state must end in the same output.
 *
 * @returns The runs by name. All but `states reversed` end in the last state written.
 */
export function expand<K, V>(states: readonly State<K, V>[]): Record<string, readonly State<K, V>[]> {
  const flip = (state: State<K, V>): State<K, V> => new Map([...state].toReversed())
  return {
    'as written': states,
    'states reversed': states.toReversed(),
    'there and back again': [...states, ...states.toReversed(), ...states],
    'keys reversed': states.map(flip),
    'emptied between states': states.flatMap((state, i) => (i === 0 ? [state] : [new Map<K, V>(), state])),
    'last state alone': states.slice(-1),
    'split into single keys': states.flatMap(splitKeys),
  }
}

/** The state built up one key at a time. */
function splitKeys<K, V>(state: State<K, V>): State<K, V>[] {
  const entries = [...state]
  return entries.length === 0 ? [state] : entries.map((_, i) => new Map(entries.slice(0, i + 1)))
}
