import { CalicoError, hasCode } from '@calico-node/core'
import { findLeftovers, removeLeftovers, type Leftovers } from '@calico-node/linux'
import { type NodeName, parseNodeName } from '@calico-node/model'
import { defineCommand, type Outcome } from '../../cli/command.ts'
import type { Context } from '../../cli/context.ts'
import { flag, value } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { leftoverLines } from '../../host/leftovers.ts'
import { localNodeName } from '../../host/node-name.ts'
import { listCommandLines, runningPrograms } from '../../host/processes.ts'
import { line, lines, type Block } from '../../output/block.ts'
import { deleteResource } from '../../resources/cascade.ts'
import { writableClient } from '../../resources/session.ts'

/** @throws IN_USE while something here would put everything back */
function assertStopped(birdRoutes: boolean): void {
  const { felix, bird, bird6 } = runningPrograms(listCommandLines())
  if (felix) throw inUse('Felix runs here and would put everything back; use "calicoctl node stop" first')
  if (birdRoutes && (bird || bird6)) throw inUse('BIRD runs here, and its routes are in use')
}

const inUse = (why: string): CalicoError => new CalicoError('IN_USE', `Cannot clean up: ${why}`)

/** @throws IN_USE for workloads that would lose their network without being asked for */
function assertNoWorkloads({ workloads }: Leftovers): void {
  if (workloads.length === 0) return
  const some = `${workloads.slice(0, 3).join(', ')}${workloads.length > 3 ? ', ...' : ''}`
  throw inUse(
    `${workloads.length} interface(s) of workloads are here (${some}). Use --remove-endpoints to cut them off`,
  )
}

/** @returns Whether there was such a node. */
async function removeNode(context: Context, name: NodeName, dryRun: boolean): Promise<boolean> {
  const client = dryRun ? await context.client() : await writableClient(context)
  if ((await client.resources('Node').find(name)) === undefined) return false
  if (dryRun) return true
  try {
    await deleteResource({ client, ipam: () => context.ipam() }, { kind: 'Node', name })
    return true
  } catch (err) {
    if (hasCode(err, 'NOT_FOUND')) return false
    throw err
  }
}

export const command = defineCommand({
  args: [],
  options: {
    dryRun: flag('--dry-run', 'say what would go, and change nothing'),
    removeEndpoints: flag('--remove-endpoints', 'also the interfaces of workloads: they lose their network'),
    birdRoutes: flag('--bird-routes', 'also all routes that BIRD wrote: not where a BIRD of your own runs'),
    datastore: flag('--datastore', 'also the node in the datastore, with its endpoints, addresses, peers and settings'),
    name: value('--name <node>', 'with --datastore: name of this node', parseNodeName),
  },
  details:
    'Removes chains, rules, IP sets, routes, tunnel devices and addresses that are known as ours by their names, in both ' +
    'variants of iptables. Nothing of others changes; forwarding and other settings of the kernel stay as they are. ' +
    'The node must not run. It may be repeated: what is gone is not missed.',
  examples: [
    ['node cleanup --dry-run', 'what is there?'],
    ['node cleanup', 'after the last workload has gone'],
    ['node cleanup --remove-endpoints --datastore', 'this host leaves the cluster for good'],
  ],
  async *run(context, _, { dryRun, removeEndpoints, birdRoutes, datastore, name }): AsyncGenerator<Block, Outcome> {
    requireRoot()
    if (!dryRun) assertStopped(birdRoutes)
    const found = await findLeftovers({ birdRoutes })
    if (!dryRun && !removeEndpoints) assertNoWorkloads(found)
    const verb = dryRun ? 'Would remove' : 'Removed'
    const here = leftoverLines(found)
    if (!dryRun) {
      await removeLeftovers(found, context.log)
      const left = leftoverLines(await findLeftovers({ birdRoutes }))
      if (left.length > 0) throw new CalicoError('APPLY_FAILED', `Cannot remove all: there is still ${left.join('; ')}`)
    }
    yield* here.length === 0
      ? [line('Nothing of Calico is on this host.')]
      : lines(...here.map((one) => `${verb} ${one}`))
    if (!datastore) return {}
    const node = name ?? localNodeName(context.env)
    const known = await removeNode(context, node, dryRun)
    yield line(known ? `${verb} node ${node} from the datastore` : `There is no node ${node} in the datastore.`)
    return {}
  },
})
