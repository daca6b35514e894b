/** Docker's plugin protocol: POST /Class.Method with JSON on a unix socket; a failure is `{"Err": text}`. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { json } from 'node:stream/consumers'
import { messageOf, type Logger } from '@calico-node/core'

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.1+json'

/** `Class.Method` to what answers it. */
export type Methods = ReadonlyMap<string, (request: unknown) => Promise<object>>

export class PluginServer {
  readonly #path: string
  readonly #methods: Methods
  readonly #log: Logger
  readonly #server: Server

  constructor(path: string, methods: Methods, log: Logger) {
    this.#path = path
    this.#methods = methods
    this.#log = log
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** Takes the place of a socket that a predecessor has left. */
  async listen(): Promise<void> {
    mkdirSync(dirname(this.#path), { recursive: true })
    rmSync(this.#path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#path, resolve)
    })
    chmodSync(this.#path, 0o660)
  }

  /** Docker waits for a socket that is there without an answer, so it goes too. */
  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
    rmSync(this.#path, { force: true })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = (request.url ?? '').slice(1)
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': CONTENT_TYPE }).end(JSON.stringify(body))
    }
    const method = this.#methods.get(name)
    if (method === undefined) return answer(404, { Err: `Calico does not know ${name}` })
    try {
      const started = performance.now()
      const body = request.method === 'POST' && request.headers['content-length'] !== '0' ? await json(request) : {}
      const result = await method(body)
      this.#log.debug('Served', { method: name, request: body, result, ms: Math.round(performance.now() - started) })
      answer(200, result)
    } catch (err) {
      this.#log.warn('Request failed', { method: name, err })
      answer(500, { Err: messageOf(err) })
    }
  }
}
