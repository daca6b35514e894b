import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { workloadOf } from '../../documents/endpoints.ts'
import { getProfile } from '../../documents/profiles.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

export const command = defineCommand({
  args: ['<profile>'],
  options: { noCheck: flag('--no-check', 'also when endpoints have it: they then refuse all traffic of their own') },
  examples: [['profile remove PROF_A_B', 'delete a profile that no endpoint has']],
  async run(context, [typed], { noCheck }) {
    const client = await writableClient(context)
    const { name } = (await getProfile(client, typed)).metadata
    const endpoints = noCheck ? [] : await client.resources('WorkloadEndpoint').list()
    const users = endpoints.filter(({ spec }) => spec.profiles?.some((profile) => profile === name) === true)
    if (users.length > 0) {
      const list = users.map((endpoint) => `${workloadOf(endpoint)} on ${endpoint.spec.node ?? ''}`).join(', ')
      return {
        errors: [
          `Cannot remove profile ${typed}: endpoints have it (${list}). Use --no-check to remove it all the same`,
        ],
      }
    }
    await client.resources('Profile').delete(name)
    return { blocks: [line(`Deleted profile ${typed}`)] }
  },
})
