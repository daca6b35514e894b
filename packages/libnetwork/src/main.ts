import { createLogger, findLogLevel, messageOf } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { Addresses } from './addresses.ts'
import { DockerApi } from './docker-api.ts'
import { ownNodeName, resolveConfig } from './params.ts'
import { runPlugin } from './plugin.ts'

process.title = 'libnetwork'

async function main(): Promise<number> {
  const { env } = process
  const config = resolveConfig(env)
  const node = ownNodeName(env)
  const level = env['CALICO_DEBUG'] ? 'debug' : (findLogLevel(env['CALICO_LIBNETWORK_LOGLEVEL'] ?? '') ?? 'info')
  const log = createLogger({ program: 'libnetwork', level })
  const store = openEtcd(parseConnection({ env }), log)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  try {
    if (!(await waitForEtcd(store, { log, signal: stop.signal }))) return 1
    const client = new CalicoClient(store, { log })
    const ipam = new Ipam({ client, log })
    const addresses = new Addresses({ client, ipam, log, node })
    const docker = new DockerApi(config.CALICO_LIBNETWORK_DOCKER_SOCKET)
    await runPlugin({ client, ipam, log, node, config, addresses, docker }, stop.signal)
    return 0
  } finally {
    store.close()
  }
}

void main()
  .catch((err: unknown) => {
    process.stderr.write(`libnetwork: ${messageOf(err)}\n`)
    return 1
  })
  .then((status) => (process.exitCode = status))
