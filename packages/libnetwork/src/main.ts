import { createLogger, findLogLevel, runProgram, stopSignal } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { Ipam } from '@calico-node/ipam'
import { Addresses } from './addresses.ts'
import { DockerApi } from './docker-api.ts'
import { ownNodeName, resolveConfig } from './params.ts'
import { runPlugin } from './plugin.ts'

const USAGE = `usage: libnetwork
Serves Docker as network and IPAM driver "calico". Settings come from the environment.
`

async function run(): Promise<number> {
  const { env } = process
  const config = resolveConfig(env)
  const node = ownNodeName(env)
  const level = env['CALICO_DEBUG'] ? 'debug' : (findLogLevel(env['CALICO_LIBNETWORK_LOGLEVEL'] ?? '') ?? 'info')
  const log = createLogger({ program: 'libnetwork', level })
  const store = openEtcd(parseConnection({ env }), log)
  const signal = stopSignal()
  try {
    if (!(await waitForEtcd(store, { log, signal }))) return 1
    const client = new CalicoClient(store, { log })
    const ipam = new Ipam({ client, log })
    const addresses = new Addresses({ client, ipam, log, node })
    const docker = new DockerApi(config.CALICO_LIBNETWORK_DOCKER_SOCKET)
    await runPlugin({ client, ipam, log, node, config, addresses, docker }, signal)
    return 0
  } finally {
    store.close()
  }
}

void runProgram({ name: 'libnetwork', usage: USAGE, options: {}, run })
