import { existsSync } from 'node:fs'
import { BirdClient } from '@calico-node/birdc'
import { CalicoError, hasCode } from '@calico-node/core'
import { run } from '@calico-node/linux'
import { defineCommand } from '../../cli/command.ts'
import { flag, hidden } from '../../cli/option.ts'
import { requireRoot } from '../../documents/container.ts'
import { stopEtcdProxy } from '../../host/etcd-proxy.ts'
import { CONTAINER_NAME } from '../../host/node-container.ts'
import { line, type Block } from '../../output/block.ts'

const STOP_TIMEOUT_MS = 60_000

/** Ends every BGP session with a notification, so that peers take back this host's routes at once. */
export async function withdraw(runDirectory: string): Promise<string[]> {
  const ended: string[] = []
  for (const file of ['bird.ctl', 'bird6.ctl']) {
    const path = `${runDirectory}/${file}`
    if (!existsSync(path)) continue
    const bird = new BirdClient(path)
    for (const { name, proto } of await bird.protocols()) {
      if (proto !== 'BGP') continue
      await bird.query(`disable ${name}`)
      ended.push(name)
    }
  }
  return ended
}

export const command = defineCommand({
  args: [],
  options: {
    withdraw: flag('--withdraw', 'tell the BGP peers: they drop the routes to this host at once'),
    force: hidden(flag('--force', 'accepted: endpoints of this host are no obstacle')),
  },
  details:
    'Without --withdraw the peers keep the routes for their restart time, so that a node that comes back in time loses nothing. ' +
    'Policy, routes and workloads of this host stay as they are in either case.',
  examples: [
    ['node stop', 'before an upgrade'],
    ['node stop --withdraw', 'before this host goes away for good'],
  ],
  async run({ env }, _, { withdraw: polite }) {
    requireRoot()
    const blocks: Block[] = []
    if (polite) {
      const ended = await withdraw(env['CALICO_BIRD_RUN_DIR'] ?? '/var/run/calico')
      blocks.push(
        line(ended.length === 0 ? 'There are no BGP sessions to end.' : `Ended BGP sessions: ${ended.join(', ')}`),
      )
    }
    try {
      await run('docker', ['stop', CONTAINER_NAME], { timeoutMs: STOP_TIMEOUT_MS })
      await stopEtcdProxy()
    } catch (err) {
      if (!hasCode(err, 'COMMAND_FAILED', 'COMMAND_MISSING')) throw err
      throw new CalicoError('NOT_FOUND', `Cannot stop the node: ${err.message}`, { cause: err })
    }
    return { blocks: [...blocks, line('Node stopped')] }
  },
})
