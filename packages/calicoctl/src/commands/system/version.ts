import { defineCommand } from '../../cli/command.ts'
import { flag } from '../../cli/option.ts'
import { line, lines } from '../../output/block.ts'

/** Set by the bundler; a run from source says so. */
export const VERSION = process.env.CALICO_BUILD_VERSION ?? 'unbundled'
const COMMIT = process.env.CALICO_BUILD_COMMIT ?? 'unknown'
const BUILT = process.env.CALICO_BUILD_DATE ?? 'unknown'

export const command = defineCommand({
  args: [],
  options: { client: flag('--client', 'do not ask the datastore') },
  examples: [['version', 'versions of this program and of the cluster'], ['version --client', 'of this program only']],
  async run(context, _, { client }) {
    const own = lines(`Client Version:    ${VERSION}`, `Git commit:        ${COMMIT}`, `Build date:        ${BUILT}`)
    if (client) return { blocks: own }
    try {
      const { spec } = await (await context.client()).resources('ClusterInformation').get('default')
      return {
        blocks: [...own, ...lines(
          `Cluster Version:   ${spec.calicoVersion ?? 'unknown'}`, `Cluster Type:      ${spec.clusterType ?? 'unknown'}`)],
      }
    } catch (err) {
      context.log.info('Cannot read the cluster information', { err })
      return { blocks: [...own, line('Unable to detect installed Calico version')] }
    }
  },
})
