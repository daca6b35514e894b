import { hasCode } from '@calico-node/core'
import { defineCommand } from '../../cli/command.ts'
import { newProfile } from '../../documents/profiles.ts'
import { line } from '../../output/block.ts'
import { writableClient } from '../../resources/session.ts'

export const command = defineCommand({
  args: ['<profile>'],
  options: {},
  details: 'Endpoints with the profile accept traffic from endpoints with the profile, and may send anything.',
  examples: [
    ['profile add PROF_A_B', 'create a profile'],
    ['container web profile set PROF_A_B', 'and put it on a container'],
  ],
  async run(context, [typed]) {
    const profile = newProfile(typed)
    const client = await writableClient(context)
    try {
      await client.resources('Profile').create(profile)
    } catch (err) {
      if (!hasCode(err, 'ALREADY_EXISTS')) throw err
      return { blocks: [line(`Profile ${typed} already exists.`)] }
    }
    return { blocks: [line(`Created profile ${typed}`)] }
  },
})
