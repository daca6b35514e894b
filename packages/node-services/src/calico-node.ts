/**
 * `/bin/calico-node` of the image: asks how the node is, for Docker, kubelet and people. Exit status 0 when all that was
 * asked for is well, 1 when something is not, 2 for a command line that is not understood.
 */
import { assertNever, messageOf } from '@calico-node/core'
import { checksOf, runChecks } from './health/checks.ts'
import { parseRequest, type ProbeRequest } from './health/request.ts'
import { resultLine } from './health/server.ts'
import { markShutdown } from './health/shutdown-marker.ts'
import { listServices, surroundingsOf } from './health/surroundings.ts'

const USAGE = `usage: calico-node CHECK...
Checks: -felix-live -felix-ready -bird-live -bird6-live -bird-ready -bird6-ready -confd-live -node-services-live
        -libnetwork-live
  -all                  the checks of every service that this node runs
  -threshold-time=30s   a node younger than this is ready when all of its BGP sessions are established; later one is enough
Others: -shutdown (before a planned stop: leaves the time in /var/lib/calico/shutdownTS), -version, -help
`

async function check({ names, thresholdMs }: Extract<ProbeRequest, { kind: 'checks' }>): Promise<number> {
  const at = surroundingsOf(process.env, thresholdMs)
  const results = await runChecks(names === 'all' ? checksOf(listServices(at)) : names, at)
  for (const result of results) process.stdout.write(`${resultLine(result)}\n`)
  const failed = results.filter(({ ok }) => !ok).map(({ name }) => name)
  if (failed.length > 0) process.stdout.write(`calico/node is not well: ${failed.join(', ')}\n`)
  return failed.length > 0 ? 1 : 0
}

async function main(request: ProbeRequest): Promise<number> {
  switch (request.kind) {
    case 'checks':
      return check(request)
    case 'shutdown':
      markShutdown(process.env, new Date())
      return 0
    case 'version':
      process.stdout.write(`${process.env['CALICO_BUILD_VERSION'] ?? 'unknown'}\n`)
      return 0
    case 'help':
      process.stdout.write(USAGE)
      return 0
    default:
      return assertNever(request)
  }
}

let request: ProbeRequest | undefined
try {
  request = parseRequest(process.argv.slice(2))
} catch (err) {
  process.stderr.write(`calico-node: ${messageOf(err)}\n`)
  process.exitCode = 2
}
if (request !== undefined) {
  main(request).then(
    (status) => {
      process.exitCode = status
    },
    (err: unknown) => {
      process.stderr.write(`calico-node: ${messageOf(err)}\n`)
      process.exitCode = 1
    },
  )
}
