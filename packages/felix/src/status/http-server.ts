/** A small HTTP server for answers that are made on the spot: health and metrics. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { CalicoError } from '@calico-node/core'
import type { Health, HealthSummary } from './health.ts'

export interface Answer {
  readonly status: number
  readonly body: string
  readonly type?: string
}
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>

export interface Listen {
  /** Empty = all addresses. */
  readonly host: string
  readonly port: number
}

export interface RunningServer {
  readonly port: number
  close(): Promise<void>
}

/** Answers GET and HEAD on the given paths. @throws IN_USE when the port is taken */
export async function serveHttp(routes: Routes, { host, port }: Listen): Promise<RunningServer> {
  const server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*$/, '') ?? ''
    const route =
      Object.hasOwn(routes, path) && ['GET', 'HEAD'].includes(request.method ?? '') ? routes[path] : undefined
    const answering =
      route === undefined ? Promise.resolve({ status: 404, body: 'not found\n' }) : Promise.resolve().then(route)
    answering.then(
      ({ status, body, type = 'text/plain; charset=utf-8' }: Answer) =>
        response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    )
  })
  server.listen(port, host === '' ? undefined : host)
  await once(server, 'listening').catch((cause: unknown) => {
    throw new CalicoError('IN_USE', `Cannot listen on ${host || '*'}:${port}`, { cause })
  })
  return { port: portOf(server), close: () => close(server) }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** `/liveness` and `/readiness`: 200 or 503 with a table of the parts, or 204 when there is nothing to tell. */
export function healthRoutes(health: Health): Routes {
  const answer = (good: (summary: HealthSummary) => boolean) => (): Answer => {
    const summary = health.summary()
    if (!good(summary)) return { status: 503, body: `${summary.detail}\n` }
    return summary.detail === '' ? { status: 204, body: '' } : { status: 200, body: `${summary.detail}\n` }
  }
  return { '/liveness': answer(({ live }) => live), '/readiness': answer(({ ready }) => ready) }
}
