import { defineCommand } from '../../cli/command.ts'
import { forEachResource } from '../../resources/each.ts'
import { readResources } from '../../resources/input.ts'
import { replaceResource } from '../../resources/operations.ts'
import { writableClient } from '../../resources/session.ts'
import { StoreView } from '../../resources/store-view.ts'
import { fileOptions } from './options.ts'

export const command = defineCommand({
  args: [],
  options: fileOptions,
  details: 'The resources must exist. The document replaces the whole spec, labels and annotations.',
  examples: [['replace -f pool.yaml', 'replace what the file describes']],
  async run(context, _, input) {
    const typed = await readResources(context, input)
    const client = await writableClient(context)
    return forEachResource('replace', typed, (batch) => {
      const view = new StoreView(client, batch)
      return (resource) => replaceResource(view, resource)
    })
  },
})
