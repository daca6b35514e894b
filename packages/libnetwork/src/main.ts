import { join } from 'node:path'
import { createLogger, findLogLevel, messageOf } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import type { DriverContext } from './context.ts'
import { DockerApi } from './docker-api.ts'
import { ipamMethods } from './ipam-driver.ts'
import { networkMethods } from './network-driver.ts'
import { ownNodeName, resolveConfig } from './params.ts'
import { PluginServer } from './plugin-server.ts'
import { findSuspects, removeOrphans } from './reconcile.ts'

process.title = 'libnetwork'

async function main(): Promise<number> {
  const { env } = process
  const config = resolveConfig(env)
  const node = ownNodeName(env)
  const level = env['CALICO_DEBUG'] ? 'debug' : (findLogLevel(env['CALICO_LIBNETWORK_LOGLEVEL'] ?? '') ?? 'info')
  const log = createLogger({ program: 'libnetwork', level })
  const store = openEtcd(parseConnection({ env }), log)
  const stop = new AbortController()
  const servers: PluginServer[] = []
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  try {
    if (!(await waitForEtcd(store, { log, signal: stop.signal }))) return 1
    const client = new CalicoClient(store, { log })
    const docker = new DockerApi(config.CALICO_LIBNETWORK_DOCKER_SOCKET)
    const ctx: DriverContext = { client, ipam: new Ipam({ client, log }), log, node, docker, config }
    const suspects = await findSuspects(ctx)
    const dir = config.CALICO_LIBNETWORK_PLUGIN_DIR
    servers.push(
      new PluginServer(join(dir, 'calico.sock'), networkMethods(ctx), log.child({ component: 'network' })),
      new PluginServer(join(dir, 'calico-ipam.sock'), ipamMethods(ctx), log.child({ component: 'ipam' })),
    )
    for (const server of servers) await server.listen()
    log.info('Serving Docker', { node, dir, scope: config.CALICO_LIBNETWORK_SCOPE })
    await removeOrphans(ctx, suspects, stop.signal)
    if (!stop.signal.aborted)
      await new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
    return 0
  } finally {
    for (const server of servers) server.close()
    store.close()
  }
}

void main()
  .catch((err: unknown) => {
    process.stderr.write(`libnetwork: ${messageOf(err)}\n`)
    return 1
  })
  .then((status) => (process.exitCode = status))
