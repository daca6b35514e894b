import { parseNodeName } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { flag, text } from '../../cli/option.ts'
import { findEndpoints, workloadOf } from '../../documents/endpoints.ts'
import { listCommandLines, runningPrograms } from '../../host/processes.ts'
import { localNodeName } from '../../host/node-name.ts'
import { line } from '../../output/block.ts'
import { deleteResource } from '../../resources/cascade.ts'
import { writableClient } from '../../resources/session.ts'

export const command = defineCommand({
  args: [],
  options: {
    removeEndpoints: flag('--remove-endpoints', 'also when there are endpoints: they go too'),
    hostname: text('--hostname <name>', 'another node than this host'),
  },
  details: 'Deletes the Node with its addresses, blocks, peers and settings from the datastore. The node must not run.',
  examples: [
    ['node remove', 'forget this host'],
    ['node remove --hostname=host-b --remove-endpoints', 'forget a host that is gone'],
  ],
  async run(context, _, { removeEndpoints, hostname }) {
    const name = hostname === undefined ? localNodeName(context.env) : parseNodeName(hostname)
    if (hostname === undefined && runningPrograms(listCommandLines()).felix) {
      return { errors: [`Cannot remove node ${name}: Calico runs here; stop it first with "calicoctl node stop"`] }
    }
    const client = await writableClient(context)
    const endpoints = await findEndpoints(client, { node: name })
    if (endpoints.length > 0 && !removeEndpoints) {
      const list = endpoints.map(workloadOf).join(', ')
      return {
        errors: [`Cannot remove node ${name}: it has endpoints (${list}). Use --remove-endpoints to remove them too`],
      }
    }
    await deleteResource({ client, ipam: () => context.ipam() }, { kind: 'Node', name })
    return { blocks: [line(`Node ${name} removed`)] }
  },
})
