import { sleep } from '@calico-node/core'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, text } from '../../cli/option.ts'
import { line, lines, type Block } from '../../output/block.ts'

/** Set by the bundler; a run from source says so. */
export const VERSION = process.env.CALICO_BUILD_VERSION ?? 'unbundled'
const COMMIT = process.env.CALICO_BUILD_COMMIT ?? 'unknown'
const BUILT = process.env.CALICO_BUILD_DATE ?? 'unknown'

const OWN: readonly Block[] = lines(
  `Client Version:    ${VERSION}`,
  `Git commit:        ${COMMIT}`,
  `Build date:        ${BUILT}`,
)

async function clusterText(context: Context): Promise<string> {
  try {
    const { spec } = await (await context.client()).resources('ClusterInformation').get('default')
    return `Cluster Version:   ${spec.calicoVersion ?? 'unknown'}\nCluster Type:      ${spec.clusterType ?? 'unknown'}`
  } catch (err) {
    context.log.info('Cannot read the cluster information', { err })
    return 'Unable to detect installed Calico version'
  }
}

async function* poll(context: Context, everyMs: number): AsyncGenerator<Block, Outcome> {
  let shown: string | undefined
  while (!context.signal.aborted) {
    const now = await clusterText(context)
    if (now !== shown) yield line(now)
    shown = now
    await sleep(everyMs, context.signal)
  }
  return {}
}

export const command = defineCommand({
  args: [],
  options: {
    client: flag('--client', 'do not ask the datastore'),
    poll: text('--poll <time>', 'ask again and again, and print what changes: 5s, 1m'),
  },
  examples: [
    ['version', 'versions of this program and of the cluster'],
    ['version --client', 'of this program only'],
  ],
  async *run(context, _, { client, poll: every }): AsyncGenerator<Block, Outcome> {
    if (client) return { blocks: OWN }
    // Not at the head of this file: `version --client` would load all kinds for it.
    const everyMs = every === undefined ? undefined : (await import('@calico-node/model')).parseDuration(every)
    yield* OWN
    if (everyMs === undefined) return { blocks: [line(await clusterText(context))] }
    return yield* poll(context, everyMs)
  },
})
