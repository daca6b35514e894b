import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createLogger, messageOf } from '@calico-node/core'
import { openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { Agent } from './agent.ts'
import type { Surroundings } from './model/facts.ts'
import { renderOnce } from './once.ts'
import { resolveConfig, type ConfdConfig } from './params.ts'

// Tools tell the processes of a node apart by name; without this it is just another node.
process.title = 'confd'

const USAGE = `usage: confd                  follow the datastore and keep BIRD configured
       confd --once --out DIR  render once into DIR and check
Exit status of --once: 0 good, 2 good but some resources were left out, 1 not rendered. Settings come from the environment.`

const surroundingsOf = (config: ConfdConfig): Surroundings => ({
  node: config.NODENAME,
  routerId: config.CALICO_ROUTER_ID,
  restartWaitSeconds: config.CALICO_BGP_GRACEFUL_RESTART_WAIT,
  clusterIps: config.CALICO_ADVERTISE_CLUSTER_IPS,
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
})

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || values.once !== (values.out !== undefined)) {
    console.error(USAGE)
    return values.help ? 0 : 1
  }
  const config = resolveConfig(process.env)
  const log = createLogger({ program: 'confd', level: config.BGP_LOGSEVERITYSCREEN ?? 'info' })
  const store = openEtcd(parseConnection({ env: process.env }), log)
  const surroundings = surroundingsOf(config)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  try {
    log.info('Started', { node: config.NODENAME, config: config.CALICO_CONFD_CONFIG_DIR })
    if (!(await waitForEtcd(store, { log, signal: stop.signal }))) return 1
    if (values.out !== undefined) return await renderOnce({ config, surroundings, store, log, out: values.out })
    await new Agent({ config, surroundings, store, log, setLogLevel: (level) => log.setLevel(level) }).run(stop.signal)
    return 0
  } finally {
    store.close()
  }
}

void main()
  .catch((err: unknown) => {
    console.error(`confd: ${messageOf(err)}`)
    return 1
  })
  .then((status) => (process.exitCode = status))
