import { removeWorkload } from '@calico-node/workload'
import { defineCommand } from '../../cli/command.ts'
import { endpointsOf, localTarget, requireRoot, workloadContext } from '../../documents/container.ts'
import { workloadOf } from '../../documents/endpoints.ts'
import { line } from '../../output/block.ts'
import { hasCode } from '@calico-node/core'
import type { Context } from '../../cli/context.ts'
import type { WorkloadContext, WorkloadId } from '@calico-node/workload'

/** Who it was: by its endpoint, else, for what an interrupted `add` left, by what it is now. */
async function identify(context: Context, { client }: WorkloadContext, name: string): Promise<WorkloadId | undefined> {
  const [endpoint] = await endpointsOf(context, client, name)
  if (endpoint !== undefined) {
    const { node, orchestrator } = endpoint.spec
    return { node, orchestrator, workload: workloadOf(endpoint), namespace: endpoint.metadata.namespace ?? '' }
  }
  try {
    return (await localTarget(context, name)).id
  } catch (err) {
    if (hasCode(err, 'NOT_FOUND', 'INVALID')) return undefined
    throw err
  }
}

export const command = defineCommand({
  args: ['<container>'],
  options: {},
  details:
    'Deletes the interface, the endpoint and the allocation of its addresses. The container need not run any more.',
  examples: [['container remove web', 'undo "container add web"']],
  async run(context, [name]) {
    requireRoot()
    const tools = await workloadContext(context)
    const id = await identify(context, tools, name)
    const removed = id === undefined ? undefined : await removeWorkload(tools, id)
    const nothing = removed === undefined || (removed.endpoints.length === 0 && removed.ips.length === 0)
    return { blocks: [line(nothing ? `Failed find Calico data for ${name}` : `Removed Calico from ${name}`)] }
  },
})
