import { defineCommand } from '../../cli/command.ts'
import { forEachResource } from '../../resources/each.ts'
import { readResources } from '../../resources/input.ts'
import { applyResource } from '../../resources/operations.ts'
import { writableClient } from '../../resources/session.ts'
import { fileOptions } from './options.ts'

export const command = defineCommand({
  args: [],
  options: fileOptions,
  details: 'Everything is read and checked first: when a document has a fault, nothing is changed. ' +
    'A resourceVersion in a document must be the stored one.',
  examples: [
    ['apply -f policy.yaml', 'create or replace what the file describes'],
    ['diff -f policy.yaml', 'see what apply would change'],
  ],
  async run(context, _, input) {
    const typed = await readResources(context, input)
    const client = await writableClient(context)
    return forEachResource('apply', typed, (resource) => applyResource(client, resource))
  },
})
