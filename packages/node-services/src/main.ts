import { createLogger, runProgram, stopSignal } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { ownNodeName, resolveConfig } from './params.ts'
import { SERVICES } from './registry.ts'
import { chooseServices, runServices } from './services.ts'

const USAGE = `usage: node-services [NAME...]
Runs the services of a node, or only those named, until one of them fails. Settings come from the environment.

${SERVICES.map(({ name, summary }) => `  ${name.padEnd(20)}${summary}`).join('\n')}
`

async function run(names: readonly string[]): Promise<number> {
  const services = chooseServices(SERVICES, names)
  const config = resolveConfig(process.env)
  const node = ownNodeName(config)
  const log = createLogger({ program: 'node-services', level: config.CALICO_NODE_SERVICES_LOGLEVEL ?? 'info' })
  const store = openEtcd(parseConnection({ env: process.env }), log)
  const signal = stopSignal()
  try {
    log.info('Started', { node, services: services.map(({ name }) => name) })
    if (!(await waitForEtcd(store, { log, signal }))) return 1
    await runServices(services, { client: new CalicoClient(store), node, config, log, signal })
    return 0
  } finally {
    store.close()
  }
}

void runProgram({
  name: 'node-services',
  usage: USAGE,
  options: {},
  allowPositionals: true,
  run: async (_options, names) => run(names),
})
