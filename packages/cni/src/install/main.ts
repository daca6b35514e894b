/** The program `install-cni`: puts the CNI plugins and their configuration on the host, and keeps the latter fresh. */
import { dirname, resolve } from 'node:path'
import { createLogger, runProgram, stopSignal } from '@calico-node/core'
import { install } from './installer.ts'
import { InstallParams, logLevelOf, resolveInstallConfig } from './params.ts'

const USAGE = `usage: install-cni
Puts the CNI plugins and their configuration on the host. Settings come from the environment:

${Object.entries(InstallParams.shape)
  .map(([name, { description }]) => `  ${name.padEnd(30)}${description ?? ''}`.trimEnd())
  .join('\n')}
`

async function run(): Promise<number> {
  const config = resolveInstallConfig(process.env)
  const log = createLogger({ program: 'install-cni', level: logLevelOf(config) ?? 'info' })
  const origin = { root: resolve(dirname(process.argv[1] ?? ''), '..'), node: process.execPath }
  await install(config, { origin, log, signal: stopSignal() })
  return 0
}

void runProgram({ name: 'install-cni', usage: USAGE, options: {}, run })
