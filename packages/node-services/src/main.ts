import { parseArgs } from 'node:util'
import { createLogger, messageOf } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, waitForEtcd } from '@calico-node/datastore'
import { ownNodeName, resolveConfig } from './params.ts'
import { SERVICES } from './registry.ts'
import { chooseServices, runServices } from './services.ts'

// Tools tell the processes of a node apart by name; without this it is just another node.
process.title = 'node-services'

const USAGE = `usage: node-services [NAME...]
Runs the services of a node, or only those named, until one of them fails. Settings come from the environment.

${SERVICES.map(({ name, summary }) => `  ${name.padEnd(20)}${summary}`).join('\n')}
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const services = chooseServices(SERVICES, positionals)
  const config = resolveConfig(process.env)
  const node = ownNodeName(config)
  const log = createLogger({ program: 'node-services', level: config.CALICO_NODE_SERVICES_LOGLEVEL ?? 'info' })
  const store = openEtcd(parseConnection({ env: process.env }), log)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  try {
    log.info('Started', { node, services: services.map(({ name }) => name) })
    if (!(await waitForEtcd(store, { log, signal: stop.signal }))) return 1
    await runServices(services, { client: new CalicoClient(store), node, config, log, signal: stop.signal })
    return 0
  } finally {
    store.close()
  }
}

void main()
  .catch((err: unknown) => {
    process.stderr.write(`node-services: ${messageOf(err)}\n`)
    return 1
  })
  .then((status) => (process.exitCode = status))
