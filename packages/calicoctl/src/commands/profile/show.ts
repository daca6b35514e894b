import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { workloadOf } from '../../documents/endpoints.ts'
import { shownName } from '../../documents/names.ts'

export const command = defineCommand({
  args: [],
  options: { detailed: flag('--detailed', 'show the endpoints that have each profile') },
  examples: [['profile show --detailed', 'profiles and who has them']],
  async run(context, _, { detailed }) {
    const client = await context.client()
    const profiles = await client.resources('Profile').list()
    if (!detailed)
      return { blocks: [{ kind: 'grid', columns: ['Name'], rows: profiles.map((profile) => [shownName(profile)]) }] }
    const endpoints = await client.resources('WorkloadEndpoint').list()
    const rows = profiles.flatMap((profile) => {
      const users = endpoints.filter(
        ({ spec }) => spec.profiles?.some((name) => name === profile.metadata.name) === true,
      )
      if (users.length === 0) return [[shownName(profile), 'None', 'None', 'None', 'None']]
      return users.map((endpoint) => [
        shownName(profile),
        endpoint.spec.node ?? '',
        endpoint.spec.orchestrator ?? '',
        workloadOf(endpoint),
        endpoint.spec.endpoint ?? '',
      ])
    })
    return {
      blocks: [{ kind: 'grid', columns: ['Name', 'Host', 'Orchestrator ID', 'Workload ID', 'Endpoint ID'], rows }],
    }
  },
})
