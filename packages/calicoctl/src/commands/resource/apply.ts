import { CalicoError } from '@calico-node/core'
import { parseDuration } from '@calico-node/model'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { value } from '../../cli/option.ts'
import { line, type Block } from '../../output/block.ts'
import { forEachResource } from '../../resources/each.ts'
import { readResources } from '../../resources/input.ts'
import { applyResource } from '../../resources/operations.ts'
import { rollBack, snapshot, undoOf } from '../../resources/rollback.ts'
import { writableClient } from '../../resources/session.ts'
import { StoreView } from '../../resources/store-view.ts'
import type { TypedDocument } from '../../resources/typed.ts'
import { fileOptions } from './options.ts'

/** A Go duration such as `60s`, in milliseconds. */
const duration = (typed: string): number => {
  const ms = parseDuration(typed)
  if (ms >= 1000) return ms
  throw new CalicoError('INVALID', `Cannot wait for confirmation for "${typed}": want at least 1s`)
}

/**
 * Whether somebody typed a line in time. The end of input, a timeout, Ctrl-C and a broken terminal are no
 * confirmation.
 */
async function confirmed(context: Context, waitMs: number): Promise<boolean> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(waitMs)])
  return context.readLine(signal).then(
    (answer) => answer !== undefined,
    () => false,
  )
}

async function* applyOnApproval(
  context: Context,
  typed: readonly TypedDocument[],
  waitMs: number,
): AsyncGenerator<Block, Outcome> {
  const client = await writableClient(context)
  const resources = typed.map(({ resource }) => resource)
  const before = await snapshot(client, resources)
  const outcome = await forEachResource('apply', typed, (batch) => {
    const view = new StoreView(client, batch)
    return (resource) => applyResource(view, resource)
  })
  yield* outcome.blocks ?? []
  const undos = undoOf(before, await snapshot(client, resources))
  yield line(`Press Enter within ${waitMs / 1000} s to keep ${undos.length} change(s); otherwise they are taken back.`)
  if (await confirmed(context, waitMs)) return { blocks: [line('Confirmed.')], errors: outcome.errors ?? [] }
  const failures = await rollBack({ client, ipam: () => context.ipam() }, undos)
  return {
    blocks: [line('Not confirmed: the changes were taken back.')],
    errors: [...(outcome.errors ?? []), ...failures],
    exitCode: 1,
  }
}

export const command = defineCommand({
  args: [],
  options: {
    ...fileOptions,
    confirm: value('--confirm <time>', 'take everything back unless it is confirmed in time: 60s, 2m', duration),
  },
  details:
    'Everything is read and checked first: when a document has a fault, nothing is changed. ' +
    'A resourceVersion in a document must be the stored one.',
  examples: [
    ['apply -f policy.yaml', 'create or replace what the file describes'],
    ['apply -f hostendpoint.yaml --confirm 60s', 'do not lock yourself out: without an answer it is undone'],
    ['diff -f policy.yaml', 'see what apply would change'],
  ],
  async *run(context, _, { confirm, ...input }): AsyncGenerator<Block, Outcome> {
    if (confirm !== undefined && input.filename === '-') {
      throw new CalicoError(
        'INVALID',
        'Cannot confirm when the resources come from standard input: name a file with -f',
      )
    }
    const typed = await readResources(context, input)
    if (confirm !== undefined && typed.length > 0) return yield* applyOnApproval(context, typed, confirm)
    const client = await writableClient(context)
    return forEachResource('apply', typed, (batch) => {
      const view = new StoreView(client, batch)
      return (resource) => applyResource(view, resource)
    })
  },
})
