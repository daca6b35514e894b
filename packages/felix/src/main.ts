/**
 * Felix as a process. Exit status: 129 = start me again with the new configuration; anything else but 0 = something failed.
 * Stopping, by whatever signal, leaves the kernel as it is. SIGHUP starts again, SIGUSR1 and SIGUSR2
 * record profiles.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createLogger, findLogLevel, runProgram } from '@calico-node/core'
import { runAgent } from './agent.ts'
import { environmentLayer, fileLayer, type ConfigLayer } from './config/layers.ts'
import { RESTART_EXIT_STATUS } from './config/watch.ts'
import { keepHeapSmall } from './memory.ts'
import { profileOnSignals } from './profiles.ts'

const DEFAULT_CONFIG_FILE = '/etc/calico/felix.cfg'
/** How long a stop may take before it is cut short. */
const STOP_LIMIT_MS = 3000
const LOG_DIR = '/var/log/calico'
const PROFILE_MS = 10_000
const SIGNALS = { SIGTERM: 143, SIGINT: 130, SIGHUP: RESTART_EXIT_STATUS } as const

const USAGE = `usage: felix [-c FILE]
Keeps the routes and ACLs of this host. Settings come from FILE (${DEFAULT_CONFIG_FILE}), the environment and the datastore.
Exit status: 129 start again with the new configuration, 1 failed. SIGUSR1 and SIGUSR2 record profiles.
`

const environment = environmentLayer(process.env)
const earlyLevel = environment.text.get('earlylogseverityscreen') ?? environment.text.get('logseverityscreen') ?? 'info'
const log = createLogger({ program: 'felix', level: findLogLevel(earlyLevel) ?? 'info' })
const stop = new AbortController()

function followSignals(): void {
  for (const [name, status] of Object.entries(SIGNALS)) {
    process.once(name, () => {
      log.info('Felix stops', { signal: name })
      setTimeout(() => process.exit(status), STOP_LIMIT_MS).unref()
      process.exitCode = status
      stop.abort()
    })
  }
  profileOnSignals({ dir: process.env['CALICO_LOG_DIR'] ?? LOG_DIR, durationMs: PROFILE_MS, log })
}

/** Only the file that nobody named may be absent. */
function configFile(path: string): ConfigLayer[] {
  if (path === DEFAULT_CONFIG_FILE && !existsSync(path)) return []
  return [fileLayer(path, readFileSync(path, 'utf8'))]
}

async function run(file: string): Promise<never> {
  followSignals()
  keepHeapSmall(log)
  try {
    const status = await runAgent({
      env: process.env,
      localLayers: [environment, ...configFile(file)],
      log,
      signal: stop.signal,
    })
    process.exit(process.exitCode ?? status)
  } catch (err) {
    log.error('Felix failed', { err })
    process.exit(1)
  }
}

void runProgram({
  name: 'felix',
  title: 'calico-felix',
  usage: USAGE,
  options: { 'config-file': { type: 'string', short: 'c', default: DEFAULT_CONFIG_FILE } },
  run: async (values) => run(values['config-file']),
})
