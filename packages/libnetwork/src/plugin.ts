import { join } from 'node:path'
import { messageOf } from '@calico-node/core'
import type { DriverContext } from './context.ts'
import { ipamMethods } from './ipam-driver.ts'
import { copyLabels } from './labels.ts'
import { networkMethods } from './network-driver.ts'
import { PluginServer } from './plugin-server.ts'
import { Reconciler } from './reconciler.ts'

/** Serves Docker on both sockets, and cleans up after it, until `signal` aborts. */
export async function runPlugin(ctx: DriverContext, signal: AbortSignal): Promise<void> {
  const { config, log, node } = ctx
  const dir = config.CALICO_LIBNETWORK_PLUGIN_DIR
  const reconciler = new Reconciler(ctx)
  const compare = (): void => reconciler.request()
  const label = async (network: string, endpoint: string): Promise<void> => {
    try {
      await copyLabels(ctx, { network, endpoint })
    } catch (err) {
      log.warn('Cannot copy the labels of a container to its endpoint yet', { endpoint, reason: messageOf(err) })
      compare()
    }
  }
  const network = networkMethods(ctx, {
    onActivate: compare,
    onEndpoint: ({ NetworkID, EndpointID }) => {
      if (config.CALICO_LIBNETWORK_LABEL_ENDPOINTS) void label(NetworkID, EndpointID)
    },
  })
  const sockets = [
    ['calico.sock', network],
    ['calico-ipam.sock', ipamMethods(ctx)],
  ] as const
  const servers = sockets.map(
    ([file, methods]) =>
      new PluginServer({ path: join(dir, file), methods, onFailure: compare, log: log.child({ socket: file }) }),
  )
  try {
    for (const server of servers) await server.listen()
    log.info('Serving Docker', { node, dir, scope: config.CALICO_LIBNETWORK_SCOPE })
    await reconciler.run(signal)
  } finally {
    await Promise.all(servers.map(async (server) => server.close()))
  }
}
