import { createHash } from 'node:crypto'
import { createLogger, runProgram, stopSignal } from '@calico-node/core'
import { openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { Agent } from './agent.ts'
import type { Surroundings } from './model/facts.ts'
import { renderOnce } from './once.ts'
import { resolveConfig, type ConfdConfig } from './params.ts'

const USAGE = `usage: confd                  follow the datastore and keep BIRD configured
       confd --once --out DIR  render once into DIR and check
Exit status of --once: 0 good, 2 good but some resources were left out, 1 not rendered. Settings come from the environment.
`

const surroundingsOf = (config: ConfdConfig): Surroundings => ({
  node: config.NODENAME,
  routerId: config.CALICO_ROUTER_ID,
  restartWaitSeconds: config.CALICO_BGP_GRACEFUL_RESTART_WAIT,
  clusterIps: config.CALICO_ADVERTISE_CLUSTER_IPS,
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
})

/** @param out the folder to render into once; undefined: follow */
async function run(out: string | undefined): Promise<number> {
  const config = resolveConfig(process.env)
  const log = createLogger({ program: 'confd', level: config.BGP_LOGSEVERITYSCREEN ?? 'info' })
  const store = openEtcd(parseConnection({ env: process.env }), log)
  const surroundings = surroundingsOf(config)
  const signal = stopSignal()
  try {
    log.info('Started', { node: config.NODENAME, config: config.CALICO_CONFD_CONFIG_DIR })
    if (!(await waitForEtcd(store, { log, signal }))) return 1
    if (out !== undefined) return await renderOnce({ config, surroundings, store, log, out })
    await new Agent({ config, surroundings, store, log, setLogLevel: (level) => log.setLevel(level) }).run(signal)
    return 0
  } finally {
    store.close()
  }
}

void runProgram({
  name: 'confd',
  usage: USAGE,
  options: { once: { type: 'boolean', default: false }, out: { type: 'string' } },
  run: async ({ once, out }) => {
    if (once === (out !== undefined)) return run(out)
    process.stderr.write(USAGE)
    return 1
  },
})
