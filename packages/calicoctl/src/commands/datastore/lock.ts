import { initialise } from '@calico-node/datastore'
import { defineCommand, type Command } from '../../cli/command.ts'
import { line } from '../../output/block.ts'

const setting = (ready: boolean, done: string, meaning: string): Command =>
  defineCommand({
    args: [],
    options: {},
    details:
      'While it is locked, the plugins of Docker and of other orchestrators, and "container add", refuse to work.',
    examples: [[`datastore migrate ${ready ? 'unlock' : 'lock'}`, meaning]],
    async run(context) {
      const client = await context.client()
      await initialise(client)
      await client
        .resources('ClusterInformation')
        .modify('default', undefined, (stored) =>
          stored.spec.datastoreReady === ready
            ? undefined
            : { ...stored, spec: { ...stored.spec, datastoreReady: ready } },
        )
      return { blocks: [line(done)] }
    },
  })

export const lockCommand = setting(false, 'Datastore locked.', 'before an export, a migration or a clean-up')
export const unlockCommand = setting(true, 'Datastore unlocked.', 'when it is done')
