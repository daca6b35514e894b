/**
 * Health of the whole node over HTTP, for those who do not run programs in containers: `/liveness` and `/readiness` answer
 * 200 or 503, with one line a check. Off unless a port is given. Requests that come while the checks run share the answer.
 */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { CalicoError, messageOf } from '@calico-node/core'
import type { NodeService } from '../services.ts'
import { type CheckName, type CheckResult, checksOf, runChecks } from './checks.ts'
import { listServices, type Surroundings, surroundingsOf } from './surroundings.ts'

/** What is asked for by a path. A node that is not alive is not ready. */
const PATHS: Readonly<Record<string, (name: CheckName) => boolean>> = {
  '/liveness': (name) => name.endsWith('-live'),
  '/readiness': () => true,
}

export const resultLine = ({ name, ok, detail }: CheckResult): string => `${name}: ${ok ? 'ok' : 'FAILED'}, ${detail}`

export function createHealthServer(at: Surroundings): Server {
  const running = new Map<string, Promise<CheckResult[]>>()
  const ask = (path: string, wanted: (name: CheckName) => boolean): Promise<CheckResult[]> => {
    const known = running.get(path)
    if (known !== undefined) return known
    const results = runChecks(checksOf(listServices(at)).filter(wanted), at).finally(() => running.delete(path))
    running.set(path, results)
    return results
  }
  return createServer((request, response) => {
    const answer = (status: number, lines: readonly string[]): void => {
      response.writeHead(status, { 'content-type': 'text/plain' }).end(`${lines.join('\n')}\n`)
    }
    const path = (request.url ?? '').split('?')[0] ?? ''
    const wanted = PATHS[path]
    if (wanted === undefined) return answer(404, [`want ${Object.keys(PATHS).join(' or ')}`])
    ask(path, wanted).then(
      (results) => answer(results.every(({ ok }) => ok) ? 200 : 503, results.map(resultLine)),
      (err: unknown) => answer(503, [messageOf(err)]),
    )
  })
}

export const healthServer: NodeService = {
  name: 'health',
  summary: 'health of the whole node over HTTP, when CALICO_HEALTH_PORT is set',
  async run({ config, log, signal }) {
    const { CALICO_HEALTH_PORT: port, CALICO_HEALTH_HOST: host } = config
    const server = port === undefined ? undefined : createHealthServer(surroundingsOf(process.env))
    if (server !== undefined) {
      server.listen(port, host)
      await once(server, 'listening').catch((cause: unknown) => {
        throw new CalicoError('IN_USE', `Cannot serve health at ${host}:${port}: ${messageOf(cause)}`, { cause })
      })
      log.info('Health is served', { host, port })
    }
    if (!signal.aborted) await once(signal, 'abort')
    server?.closeAllConnections()
    server?.close()
  },
}
