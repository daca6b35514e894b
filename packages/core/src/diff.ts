export interface Delta<K, V> {
  readonly upserts: ReadonlyMap<K, V>
  readonly removals: readonly K[]
}

/** What must change for `actual` to become `desired`. Pure; an empty delta means in sync. */
export function diffMaps<K, V>(
  desired: ReadonlyMap<K, V>,
  actual: ReadonlyMap<K, V>,
  same: (a: V, b: V) => boolean,
): Delta<K, V> {
  const upserts = new Map<K, V>()
  for (const [key, want] of desired) {
    const have = actual.get(key)
    if (have === undefined || !same(want, have)) upserts.set(key, want)
  }
  return { upserts, removals: [...actual.keys()].filter((key) => !desired.has(key)) }
}
