/** Docker's plugin protocol: POST /Class.Method with JSON on a unix socket; a failure is `{"Err": text}`. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { CalicoError, hasCode, type Logger } from '@calico-node/core'
import { failureText } from './failure.ts'
import type { Methods } from './requests.ts'

const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.1+json'
/** Less than the 7 s after which `sv stop` gives up. */
const DRAIN_MS = 5_000

export interface PluginServerOptions {
  /** Of the socket. */
  readonly path: string
  readonly methods: Methods
  readonly log: Logger
  /** Called after each request that could not be served. */
  readonly onFailure?: () => void
}

export class PluginServer {
  readonly #opts: PluginServerOptions
  readonly #server: Server

  constructor(opts: PluginServerOptions) {
    this.#opts = opts
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  /** Takes the place of a socket that a predecessor has left. */
  async listen(): Promise<void> {
    const { path } = this.#opts
    mkdirSync(dirname(path), { recursive: true })
    rmSync(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, resolve)
    })
    chmodSync(path, 0o660)
  }

  /**
   * Answers what was asked already: Docker repeats a request whose answer is lost without its content, and that one fails.
   * Docker waits for a socket that is there without an answer, so it goes first.
   */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    rmSync(this.#opts.path, { force: true })
    const deadline = setTimeout(() => {
      this.#opts.log.warn('Requests are cut off that are not served yet', { waitedMs: DRAIN_MS })
      this.#server.closeAllConnections()
    }, DRAIN_MS)
    await closed
    clearTimeout(deadline)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { methods, log, onFailure } = this.#opts
    const name = (request.url ?? '').slice(1)
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': CONTENT_TYPE }).end(JSON.stringify(body))
    }
    const method = methods.get(name)
    if (method === undefined) return answer(404, { Err: `Calico does not know ${name}` })
    try {
      const started = performance.now()
      const body = parseBody(name, await text(request))
      const result = await method(body)
      log.debug('Served', { method: name, request: body, result, ms: Math.round(performance.now() - started) })
      answer(200, result)
    } catch (err) {
      log.warn('Request failed', { method: name, err })
      answer(hasCode(err, 'INVALID', 'UNSUPPORTED') ? 400 : 500, { Err: failureText(err) })
      onFailure?.()
    }
  }
}

/** Undefined without a body: some methods have none, and people probe with GET. @throws INVALID */
function parseBody(name: string, body: string): unknown {
  if (body.trim() === '') return undefined
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new CalicoError('INVALID', `Cannot answer ${name}: the request is not JSON`, { cause })
  }
}
