import { hasCode } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { forEachResource } from '../../resources/each.ts'
import { readResources } from '../../resources/input.ts'
import { createResource } from '../../resources/operations.ts'
import { writableClient } from '../../resources/session.ts'
import { StoreView } from '../../resources/store-view.ts'
import { fileOptions } from './options.ts'

export const command = defineCommand({
  args: [],
  options: {
    ...fileOptions,
    skipExists: flag('--skip-exists', 'leave resources that exist as they are, without an error'),
  },
  details: 'Everything is read and checked first: when a document has a fault, nothing is created.',
  examples: [
    ['create -f pool.yaml', 'create what the file describes'],
    ['create -f - < all.yaml', 'the same from standard input'],
    ['create -f policies/ -R --skip-exists', 'every file below a folder; what exists stays as it is'],
  ],
  async run(context, _, { skipExists, ...input }) {
    const typed = await readResources(context, input)
    const client = await writableClient(context)
    return forEachResource('create', typed, (batch) => {
      const view = new StoreView(client, batch)
      return async (resource) => {
        try {
          await createResource(view, resource)
        } catch (err) {
          if (!skipExists || !hasCode(err, 'ALREADY_EXISTS')) throw err
        }
      }
    })
  },
})
