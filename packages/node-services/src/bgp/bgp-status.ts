/**
 * BGP as it stands, for those who are not root: JSON at `/status`, what BIRD said of its protocols at `/protocols` (read by
 * `calicoctl node status`), and Prometheus text at `/metrics`. Read-only, on a socket of its own that a group may use. BIRD's own sockets stay root's, because who can ask there can also reconfigure. The same
 * is served over TCP when a port is given. BIRD is asked every few seconds whoever listens, because a session that flaps
 * between two questions of Prometheus shall count. Restart story: the counts of flaps begin again at 0.
 */
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { dirname, join } from 'node:path'
import { BirdClient } from '@calico-node/birdc'
import { CalicoError, messageOf, sleep, type Logger } from '@calico-node/core'
import type { NodeService } from '../services.ts'
import { BgpHistory, type BirdAnswer } from './history.ts'
import { renderMetrics } from './metrics.ts'

const POLL_MS = 5000
const DAEMONS = [
  { family: 4, socket: 'bird.ctl' },
  { family: 6, socket: 'bird6.ctl' },
] as const

async function askBird(directory: string): Promise<readonly BirdAnswer[]> {
  return Promise.all(
    DAEMONS.map(async ({ family, socket }): Promise<BirdAnswer> => {
      try {
        return { family, protocols: await new BirdClient(join(directory, socket)).protocolDetails() }
      } catch (err) {
        if (!(err instanceof CalicoError)) throw err
        return { family, problem: messageOf(err) }
      }
    }),
  )
}

/** Answers GET only, from what is known already: nobody who asks can make BIRD work. */
export function createStatusServer(history: BgpHistory): Server {
  return createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0]
    const answer = (status: number, type: string, text: string): void => {
      response.writeHead(status, { 'content-type': type }).end(text)
    }
    if (request.method !== 'GET') return answer(405, 'text/plain', 'read-only\n')
    const json = (value: unknown): void => answer(200, 'application/json', `${JSON.stringify(value, null, 2)}\n`)
    if (path === '/status') return json(history.families())
    if (path === '/protocols') return json(history.answers())
    if (path === '/metrics') return answer(200, 'text/plain; version=0.0.4', renderMetrics(history.families()))
    return answer(404, 'text/plain', 'want /status, /protocols or /metrics\n')
  })
}

/**
 * Listens on a socket that root and the group of its directory may use. The container has no right to give files away, so
 * outside root's own group the directory needs the set-group-ID bit, by which the socket has the group from the start.
 */
async function listenOn(server: Server, path: string, log: Logger): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  server.listen(path)
  await once(server, 'listening')
  const { gid } = statSync(dirname(path))
  try {
    if (statSync(path).gid !== gid) chownSync(path, 0, gid)
  } catch (err) {
    const hint = `set the set-group-ID bit of ${dirname(path)} (chmod g+s), and restart`
    log.warn('The group of the folder cannot be given bgp-status.sock', { gid, hint, err })
  }
  chmodSync(path, 0o660)
}

export const bgpStatus: NodeService = {
  name: 'bgp-status',
  summary: 'BGP sessions and their metrics, read-only, on bgp-status.sock and on CALICO_BGP_METRICS_PORT',
  async run({ config, log, signal }) {
    const { CALICO_BIRD_RUN_DIR: directory, CALICO_BGP_METRICS_PORT: port, CALICO_BGP_METRICS_HOST: host } = config
    const history = new BgpHistory()
    history.add(await askBird(directory))
    const local = createStatusServer(history)
    await listenOn(local, join(directory, 'bgp-status.sock'), log)
    const remote = createStatusServer(history)
    if (port !== undefined) {
      remote.listen(port, host)
      await once(remote, 'listening')
      log.info('BGP metrics are served', { host, port })
    }
    while (!signal.aborted) {
      await sleep(POLL_MS, signal)
      if (!signal.aborted) history.add(await askBird(directory))
    }
    for (const server of [local, remote]) {
      server.closeAllConnections()
      server.close()
    }
  },
}
