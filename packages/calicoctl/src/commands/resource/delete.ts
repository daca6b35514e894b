import { CalicoError, hasCode } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { line } from '../../output/block.ts'
import { deleteResource } from '../../resources/cascade.ts'
import { namedError } from '../../resources/errors.ts'
import { reportTally } from '../../resources/report.ts'
import { selectResources } from '../../resources/selection.ts'
import { writableClient } from '../../resources/session.ts'
import { fileOptions } from './options.ts'

export const command = defineCommand({
  args: ['[kind]', '[name...]'],
  options: {
    ...fileOptions,
    skipNotExists: flag('-s, --skip-not-exists', 'no error for what does not exist'),
    force: flag('--force', 'an IPPool even when it is in use'),
  },
  details:
    'What depends on a resource goes with it: the endpoints, blocks and peers of a Node, the blocks of an IPPool. ' +
    'A Tier with policies stays, and so does an IPPool with addresses in use: the error names their users. ' +
    'A resourceVersion in a document must be the stored one.',
  examples: [
    ['delete bgppeer tor', 'delete one resource'],
    ['delete networkpolicy db web -n shop', 'delete two of one kind in a namespace'],
    ['delete -f policy.yaml', 'delete what the file describes'],
  ],
  async run(context, [kind, names], { skipNotExists, force, ...input }) {
    const selected = await selectResources(context, kind, names, { ...input, allNamespaces: false })
    if (selected.some(({ name }) => name === undefined)) {
      throw new CalicoError('INVALID', 'resource name may not be empty: name what is to be deleted')
    }
    if (selected.length === 0) return { blocks: [line('No resources specified')] }
    const tools = { client: await writableClient(context), ipam: () => context.ipam() }
    const errors: string[] = []
    for (const { kind: each, name = '', namespace, resourceVersion } of selected) {
      try {
        await deleteResource(tools, { kind: each, name, namespace, resourceVersion, force })
      } catch (err) {
        if (!skipNotExists || !hasCode(err, 'NOT_FOUND'))
          errors.push(await namedError(tools.client, err, { kind: each, name, namespace }))
      }
    }
    return reportTally({
      verb: 'delete',
      kinds: selected.map(({ kind: each }) => each),
      handled: selected.length - errors.length,
      errors,
    })
  },
})
