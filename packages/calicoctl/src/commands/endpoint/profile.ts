import { defineCommand, type Command } from '../../cli/command.ts'
import { changeEndpointProfiles, findEndpoints, onlyEndpoint, type ProfileVerb } from '../../documents/endpoints.ts'
import { shownProfiles } from '../../documents/profiles.ts'
import { line, lines } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'
import { endpointOptions } from './options.ts'

const { endpoint: _endpoint, ...options } = endpointOptions

const changing = (verb: ProfileVerb, meaning: string): Command =>
  defineCommand({
    args: ['<endpoint>', '[profile...]'],
    options,
    usage: `endpoint <endpoint> profile ${verb} [profile...]`,
    examples: [[`endpoint 0a1b2c profile ${verb} PROF_A_B`, meaning]],
    async run(context, [endpoint, profiles], { host, orchestrator, workload }) {
      const client = await writableClient(context)
      const found = onlyEndpoint(
        await findEndpoints(client, { node: host, orchestrator, workload, endpoint }),
        `"${endpoint}"`,
      )
      return { blocks: [line(await changeEndpointProfiles(client, found, verb, profiles))] }
    },
  })

export const setCommand = changing('set', 'replace the list; without profiles: empty it')
export const appendCommand = changing('append', 'add to the list')
export const removeCommand = changing('remove', 'take from the list')

export const showCommand = defineCommand({
  args: ['<endpoint>'],
  options,
  usage: 'endpoint <endpoint> profile show',
  examples: [['endpoint 0a1b2c profile show', 'the profiles of an endpoint, in order']],
  async run(context, [endpoint], { host, orchestrator, workload }) {
    const client = await context.client()
    const found = onlyEndpoint(
      await findEndpoints(client, { node: host, orchestrator, workload, endpoint }),
      `"${endpoint}"`,
    )
    const shown = await shownProfiles(client)
    return { blocks: lines(...(found.spec.profiles ?? []).map(shown)) }
  },
})
