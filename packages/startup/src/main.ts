import { createLogger, findLogLevel, hasCode, messageOf, runProgram, stopSignal } from '@calico-node/core'
import { runStartup } from './startup.ts'

const level = findLogLevel(process.env['CALICO_STARTUP_LOGLEVEL'] ?? 'info')
const log = createLogger({ program: 'startup', level: level ?? 'info' })
const USAGE = `usage: startup
Prepares the datastore and this host's Node before the services of a node start. Settings come from the environment.
`

/** Whose cause is in the message: a stack would only hide it. */
const isExpected = (err: unknown): boolean =>
  hasCode(err, 'INVALID', 'CONFLICT', 'NOT_FOUND', 'UNSUPPORTED', 'STORE_UNAVAILABLE', 'FORBIDDEN')

async function run(): Promise<number> {
  if (level === undefined) {
    log.error('Cannot start: CALICO_STARTUP_LOGLEVEL is not a log level', {
      value: process.env['CALICO_STARTUP_LOGLEVEL'],
    })
    return 1
  }
  try {
    return (await runStartup({ env: process.env, log, signal: stopSignal() })) ? 0 : 1
  } catch (err) {
    log.error(
      isExpected(err) ? messageOf(err) : 'Start-up failed',
      isExpected(err) ? {} : { err, stack: err instanceof Error ? err.stack : undefined },
    )
    return 1
  }
}

void runProgram({ name: 'startup', usage: USAGE, options: {}, run })
