/**
 * Client of BIRD's control socket. Each query uses a connection of its own, so a query that BIRD never answers cannot
 * block the next one, and there is no state to lose when BIRD restarts. Every query ends within its deadline: a daemon
 * that accepts and says nothing is the failure this client is there to notice.
 */
import { connect, type Socket } from 'node:net'
import { CalicoError, messageOf, sleep } from '@calico-node/core'
import { parseConfigure, type ConfigureResult } from './configure.ts'
import { parseProtocolDetails, parseProtocols, type BirdProtocol, type BirdProtocolDetail } from './protocols.ts'
import { findError, ReplyParser, type Reply } from './reply.ts'
import { parseRoutes, type BirdRoute } from './routes.ts'
import { parseStatus, type BirdStatus } from './status.ts'

export interface BirdClientOptions {
  /** From connecting to the last line of the answer. Default 2000. */
  readonly timeoutMs?: number
}

/** Refused or absent socket: nobody listens there. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR'])

export class BirdClient {
  readonly socketPath: string
  readonly #timeoutMs: number
  constructor(socketPath: string, { timeoutMs = 2000 }: BirdClientOptions = {}) {
    this.socketPath = socketPath
    this.#timeoutMs = timeoutMs
  }

  /**
   * Sends one command and returns the lines of its answer, without the greeting.
   *
   * @throws INVALID for a command of several lines; NOT_FOUND when no daemon listens; TIMED_OUT without a full answer in
   *   time; COMMAND_FAILED when the connection breaks
   */
  async query(command: string): Promise<readonly Reply[]> {
    if (/[\n\r\0]/.test(command)) {
      throw new CalicoError('INVALID', 'Cannot send a command to BIRD: it has more than one line', {
        context: { command },
      })
    }
    const deadline = performance.now() + this.#timeoutMs
    for (;;) {
      const socket = connect(this.socketPath)
      try {
        return await this.#exchange(socket, command, deadline)
      } catch (err) {
        if (!isCrowded(err) || performance.now() >= deadline) throw err
        await sleep(10)
      } finally {
        socket.destroy()
      }
    }
  }

  async status(): Promise<BirdStatus> {
    return parseStatus(await this.#ask('show status'))
  }

  async protocols(): Promise<readonly BirdProtocol[]> {
    return parseProtocols(await this.#ask('show protocols'))
  }

  /** @param name one protocol, or all of them */
  async protocolDetails(name?: string): Promise<readonly BirdProtocolDetail[]> {
    return parseProtocolDetails(await this.#ask(`show protocols all${name === undefined ? '' : ` ${quoted(name)}`}`))
  }

  /** @param filter what may follow `show route`, such as `export Mesh_10_0_0_2` */
  async routes(filter = ''): Promise<readonly BirdRoute[]> {
    return parseRoutes(await this.#ask(`show route ${filter}`.trimEnd()))
  }

  /** Whether the configuration that BIRD runs defines `symbol`, whatever as. */
  async defines(symbol: string): Promise<boolean> {
    const [reply] = await this.#ask(`show symbols ${quoted(symbol)}`)
    return reply !== undefined && !/\sundefined$/.test(reply.text)
  }

  /** Makes BIRD read its configuration file again. A refusal is a result, not an error. */
  async configure(): Promise<ConfigureResult> {
    return parseConfigure(await this.query('configure'))
  }

  /** Makes BIRD judge its configuration file without using it. */
  async configureCheck(): Promise<ConfigureResult> {
    return parseConfigure(await this.query('configure check'))
  }

  async #ask(command: string): Promise<readonly Reply[]> {
    const replies = await this.query(command)
    const error = findError(replies)
    if (error === undefined) return replies
    throw new CalicoError('COMMAND_FAILED', `Cannot ask BIRD for "${command}": ${error.text}`, {
      context: { command, code: error.code },
    })
  }

  #exchange(socket: Socket, command: string, deadline: number): Promise<readonly Reply[]> {
    const parser = new ReplyParser()
    const { promise, resolve, reject } = Promise.withResolvers<readonly Reply[]>()
    let greeted = false
    const fail = (code: 'NOT_FOUND' | 'TIMED_OUT' | 'COMMAND_FAILED', why: string, cause?: unknown): void => {
      const context = { socket: this.socketPath, command }
      reject(new CalicoError(code, `Cannot ask BIRD at ${this.socketPath}: ${why}`, { context, cause }))
    }
    const receive = (chunk: string): void => {
      for (const answer of parser.feed(chunk)) {
        if (greeted) resolve(answer)
        else socket.write(`${command}\n`)
        greeted = true
      }
    }
    const late = (): void => fail('TIMED_OUT', `no answer within ${this.#timeoutMs} ms`)
    const timer = setTimeout(late, deadline - performance.now())
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      try {
        receive(chunk)
      } catch (err) {
        reject(err)
      }
    })
    socket.on('error', (err: NodeJS.ErrnoException) => {
      if (NOBODY.has(err.code ?? '')) fail('NOT_FOUND', 'it does not run', err)
      else fail('COMMAND_FAILED', messageOf(err), err)
    })
    socket.on('close', () => fail('COMMAND_FAILED', 'it closed the connection'))
    return promise.finally(() => clearTimeout(timer))
  }
}

/** BIRD lets eight connections wait; the ninth is told to come again. */
const isCrowded = (err: unknown): boolean =>
  err instanceof CalicoError && err.cause instanceof Error && 'code' in err.cause && err.cause.code === 'EAGAIN'

/** A symbol as BIRD reads it. */
function quoted(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name
  throw new CalicoError('INVALID', `Cannot name a BIRD symbol "${name}": want letters, digits and underscores`)
}
