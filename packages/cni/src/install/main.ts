/** The program `install-cni`: puts the CNI plugins and their configuration on the host, and keeps the latter fresh. */
import { dirname, resolve } from 'node:path'
import { createLogger, messageOf } from '@calico-node/core'
import { install } from './installer.ts'
import { InstallParams, logLevelOf, resolveInstallConfig } from './params.ts'

process.title = 'install-cni'

const USAGE = `usage: install-cni
Puts the CNI plugins and their configuration on the host. Settings come from the environment:

${Object.entries(InstallParams.shape)
  .map(([name, { description }]) => `  ${name.padEnd(30)}${description ?? ''}`.trimEnd())
  .join('\n')}
`

async function main(): Promise<number> {
  const [argument, script] = [process.argv[2], process.argv[1] ?? '']
  if (argument !== undefined) {
    process.stdout.write(USAGE)
    return argument === '--help' || argument === '-h' ? 0 : 1
  }
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort())
  const config = resolveInstallConfig(process.env)
  const log = createLogger({ program: 'install-cni', level: logLevelOf(config) ?? 'info' })
  const origin = { root: resolve(dirname(script), '..'), node: process.execPath }
  await install(config, { origin, log, signal: stop.signal })
  return 0
}

void main()
  .catch((err: unknown) => {
    process.stderr.write(`install-cni: ${messageOf(err)}\n`)
    return 1
  })
  .then((status) => (process.exitCode = status))
