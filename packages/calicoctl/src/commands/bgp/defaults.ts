import { CalicoError } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { makeResource, parseAsNumber, type BGPConfigurationSpec } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

const DEFAULT_AS_NUMBER = 64512

/** Changes the settings of all nodes, and makes them when there are none. */
export async function changeDefaults(client: CalicoClient, change: Partial<BGPConfigurationSpec>): Promise<void> {
  await client.resources('BGPConfiguration').ensure(makeResource('BGPConfiguration', { name: 'default' }, {}))
  await client
    .resources('BGPConfiguration')
    .modify('default', undefined, (stored) => ({ ...stored, spec: { ...stored.spec, ...change } }))
}

export const meshCommand = defineCommand({
  args: ['[on|off]'],
  options: {},
  examples: [
    ['bgp node-mesh', 'on or off?'],
    ['bgp node-mesh off', 'no sessions between nodes but those of peers'],
  ],
  async run(context, [state]) {
    if (state === undefined) {
      const config = await (await context.client()).resources('BGPConfiguration').find('default')
      return { blocks: [line(config?.spec.nodeToNodeMeshEnabled === false ? 'off' : 'on')] }
    }
    if (state !== 'on' && state !== 'off')
      throw new CalicoError('INVALID', `Cannot set the mesh to "${state}": want on or off`)
    await changeDefaults(await writableClient(context), { nodeToNodeMeshEnabled: state === 'on' })
    return { blocks: [line(`Node mesh ${state}`)] }
  },
})

export const asNumberCommand = defineCommand({
  args: ['[number]'],
  options: {},
  examples: [
    ['bgp default-node-as', 'AS number of nodes without one of their own'],
    ['bgp default-node-as 64513', 'another one'],
  ],
  async run(context, [typed]) {
    if (typed === undefined) {
      const config = await (await context.client()).resources('BGPConfiguration').find('default')
      return { blocks: [line(String(config?.spec.asNumber ?? DEFAULT_AS_NUMBER))] }
    }
    const asNumber = parseAsNumber(typed)
    await changeDefaults(await writableClient(context), { asNumber })
    return { blocks: [line(`Default AS number ${asNumber}`)] }
  },
})
