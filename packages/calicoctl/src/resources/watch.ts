import { messageOf } from '@calico-node/core'
import { sync, type KeyUpdate } from '@calico-node/datastore'
import { decodeResource, findResourceKey, resourcePrefix, type AnyResource } from '@calico-node/model'
import type { Outcome } from '../cli/command.ts'
import type { Context } from '../cli/context.ts'
import { line, type Block } from '../output/block.ts'
import type { Found } from '../output/resources.ts'
import { idOf } from './kinds.ts'
import type { Selected } from './selection.ts'
import type { ResourceFilter } from './selectors.ts'

/** What one update means for a question, or undefined when it does not concern it. */
function meaningOf({ key, kv }: KeyUpdate, { kind, name }: Selected): AnyResource | string | undefined {
  const found = findResourceKey(key)
  if (found?.kind !== kind) return undefined
  if (kv === undefined)
    return name === undefined || name === found.name ? `deleted: ${idOf(kind, found.name, found.namespace)}` : undefined
  try {
    const resource = decodeResource(kind, kv.value, kv)
    return name === undefined || name === resource.metadata.name ? resource : undefined
  } catch (err) {
    return messageOf(err)
  }
}

/** Prints what is there, then every change, until the signal of the context. */
export async function* watchFound(
  context: Context,
  selected: readonly Selected[],
  keep: ResourceFilter,
  print: (found: readonly Found[]) => Block[],
): AsyncGenerator<Block, Outcome> {
  const prefixes = [...new Set(selected.map(({ kind, namespace }) => resourcePrefix(kind, namespace)))]
  for await (const event of sync(await context.store(), prefixes, { log: context.log, signal: context.signal })) {
    if (event.kind !== 'updates') continue
    for (const one of selected) {
      const meanings = event.updates.flatMap((update) => meaningOf(update, one) ?? [])
      const items = meanings.filter((meaning) => typeof meaning !== 'string').filter(keep)
      if (items.length > 0) yield* print([{ kind: one.kind, items, single: false }])
      for (const text of meanings) if (typeof text === 'string') yield line(text)
    }
  }
  return {}
}
