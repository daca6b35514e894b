import { defineCommand, type Command } from '../../cli/command.ts'
import { endpointsOf } from '../../documents/container.ts'
import { changeEndpointProfiles, onlyEndpoint, type ProfileVerb } from '../../documents/endpoints.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

const changing = (verb: ProfileVerb, meaning: string): Command =>
  defineCommand({
    args: ['<container>', '[profile...]'],
    options: {},
    usage: `container <container> profile ${verb} [profile...]`,
    examples: [[`container web profile ${verb} PROF_A_B`, meaning]],
    async run(context, [name, profiles]) {
      const client = await writableClient(context)
      const endpoint = onlyEndpoint(await endpointsOf(context, client, name), `container "${name}"`)
      return { blocks: [line(await changeEndpointProfiles(client, endpoint, verb, profiles))] }
    },
  })

export const setCommand = changing('set', 'replace the list; without profiles: empty it')
export const appendCommand = changing('append', 'add to the list')
export const removeCommand = changing('remove', 'take from the list')
