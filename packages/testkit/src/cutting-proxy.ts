import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** `up` = towards the server, `down` = its replies. */
export type Direction = 'up' | 'down'

interface Pair {
  readonly client: Socket
  readonly server: Socket
  bytes: Record<Direction, number>
}

/**
 * A TCP proxy on loopback that misbehaves on demand, to put real network faults between a client and a real server.
 * All faults hold for present and future connections until they are taken back.
 */
export class CuttingProxy {
  /** Bytes of these directions vanish while the connection stays open: both = a black hole, `down` = replies lost. */
  readonly swallow = new Set<Direction>()
  /** Each chunk is passed on this much later, in order. */
  delayMs = 0
  /** Each connection is ended once it has carried so many bytes of replies. */
  cutAfterBytes = Infinity
  /** Connections accepted so far. */
  accepted = 0
  /** Connections that `cutAfterBytes` has ended so far. */
  cuts = 0
  readonly #pairs = new Set<Pair>()
  #targetPort: number
  #port = 0
  #server: Server | undefined

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
  }

  /** @param targetPort Where the real server listens on 127.0.0.1. */
  static async start(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort)
    await proxy.listen()
    return proxy
  }

  get port(): number {
    return this.#port
  }

  get openConnections(): number {
    return this.#pairs.size
  }

  /** Accepts connections again after `refuse`, on the same port. */
  async listen(): Promise<void> {
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
  }

  /** Ends every connection and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    server?.close()
    this.cut()
    if (server !== undefined) await once(server, 'close')
  }

  /** Ends every open connection; new ones are welcome. */
  cut(): void {
    for (const pair of this.#pairs) this.#drop(pair)
  }

  /** Sends new connections to another server, and ends the open ones. */
  retarget(targetPort: number): void {
    this.#targetPort = targetPort
    this.cut()
  }

  async stop(): Promise<void> {
    if (this.#server === undefined) this.cut()
    else await this.refuse()
  }

  #accept(client: Socket): void {
    this.accepted += 1
    const server = connect(this.#targetPort, '127.0.0.1')
    const pair: Pair = { client, server, bytes: { up: 0, down: 0 } }
    this.#pairs.add(pair)
    for (const socket of [client, server]) {
      socket.on('error', () => this.#drop(pair))
      socket.on('close', () => this.#drop(pair))
    }
    this.#forward(pair, 'up', client, server)
    this.#forward(pair, 'down', server, client)
  }

  #forward(pair: Pair, direction: Direction, from: Socket, to: Socket): void {
    const write = (chunk: Buffer): void => {
      if (this.swallow.has(direction)) return
      const left = direction === 'down' ? this.cutAfterBytes - pair.bytes.down : Infinity
      pair.bytes[direction] += chunk.length
      if (!to.destroyed && !to.writableEnded) to.write(left < chunk.length ? chunk.subarray(0, left) : chunk)
      if (left > chunk.length) return
      this.cuts += 1
      this.#pairs.delete(pair)
      pair.client.destroySoon()
      pair.server.destroy()
    }
    const later = (work: () => void): void => {
      if (this.delayMs > 0) setTimeout(work, this.delayMs)
      else work()
    }
    from.on('data', (chunk: Buffer) => later(() => write(chunk)))
    from.on('end', () => later(() => to.end()))
  }

  #drop(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return
    // Not resetAndDestroy(): after end() it can leave a handle behind that keeps Node from exiting.
    pair.client.destroy()
    pair.server.destroy()
  }
}
