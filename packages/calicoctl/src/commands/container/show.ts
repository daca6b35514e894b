import { CalicoError } from '@calico-node/core'
import { defineCommand, type Command } from '../../cli/command.ts'
import { endpointsOf } from '../../documents/container.ts'
import { findEndpoints } from '../../documents/endpoints.ts'
import { shownProfiles } from '../../documents/profiles.ts'
import { localNodeName } from '../../host/node-name.ts'
import { detailTable } from '../endpoint/show.ts'

export const command = defineCommand({
  args: ['[container]'],
  options: {},
  examples: [
    ['container show', 'every endpoint of this host'],
    ['container show web', 'those of one container'],
  ],
  async run(context, [name]) {
    const client = await context.client()
    const found =
      name === undefined
        ? await findEndpoints(client, { node: localNodeName(context.env) })
        : await endpointsOf(context, client, name)
    if (name !== undefined && found.length === 0)
      throw new CalicoError('NOT_FOUND', `Container ${name} has no endpoint on this host`)
    return { blocks: [detailTable(found, await shownProfiles(client))] }
  },
})

/** `container NAME endpoint show`. */
export const endpointCommand: Command = {
  ...command,
  args: ['<container>'],
  usage: 'container <container> endpoint show',
  examples: [['container web endpoint show', 'the endpoints of a container']],
}
