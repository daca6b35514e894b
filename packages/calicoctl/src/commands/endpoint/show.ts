import type { WorkloadEndpointResource } from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { findEndpoints, workloadOf } from '../../documents/endpoints.ts'
import { shownProfiles } from '../../documents/profiles.ts'
import type { Block } from '../../output/block.ts'
import { endpointOptions } from './options.ts'

/** How many workloads and endpoints each host and orchestrator has. Pure. */
export function summaryTable(endpoints: readonly WorkloadEndpointResource[]): Block {
  const groups = Map.groupBy(endpoints, ({ spec }) => `${spec.node}\0${spec.orchestrator}`)
  const rows = [...groups].map(([key, members]) => {
    const [node = '', orchestrator = ''] = key.split('\0')
    return [node, orchestrator, String(new Set(members.map(workloadOf)).size), String(members.length)]
  })
  const columns = ['Hostname', 'Orchestrator ID', 'Number of Workloads', 'Number of Endpoints']
  return { kind: 'grid', columns, rows }
}

/** One row per endpoint. Pure. @param shown Name of a profile for people. */
export function detailTable(endpoints: readonly WorkloadEndpointResource[], shown: (profile: string) => string): Block {
  const rows = endpoints.map((endpoint) => {
    const { spec } = endpoint
    return [
      spec.node,
      spec.orchestrator,
      workloadOf(endpoint),
      spec.endpoint,
      (spec.ipNetworks ?? []).join(' '),
      spec.mac ?? '',
      (spec.profiles ?? []).map(shown).join(' '),
      'active',
    ]
  })
  const columns = ['Hostname', 'Orchestrator ID', 'Workload ID', 'Endpoint ID', 'Addresses', 'MAC', 'Profiles', 'State']
  return { kind: 'grid', columns, rows }
}

export const command = defineCommand({
  args: [],
  options: { ...endpointOptions, detailed: flag('--detailed', 'one line per endpoint') },
  examples: [
    ['endpoint show', 'how many there are, by host'],
    ['endpoint show --detailed --host=host-a', 'those of one host with addresses and profiles'],
  ],
  async run(context, _, { host, orchestrator, workload, endpoint, detailed }) {
    const client = await context.client()
    const found = await findEndpoints(client, { node: host, orchestrator, workload, endpoint })
    return { blocks: [detailed ? detailTable(found, await shownProfiles(client)) : summaryTable(found)] }
  },
})
