/**
 * Runs inside the network namespace of a test peer: answers on the ports it is told, and connects on request. Started by
 * `peer.ts` with an IPC channel; ends when that closes.
 */
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'

/** One question that the agent answers with a number; 1 = yes. */
export type PeerRequest =
  | { readonly id: number; readonly kind: 'listen'; readonly tcp: readonly number[]; readonly udp: readonly number[] }
  /** Sends a datagram a millisecond, each from a port of its own, so that each begins a flow. */
  | { readonly id: number; readonly kind: 'flood'; readonly ip: string; readonly port: number; readonly forMs: number }
  /** How many datagrams have come in from an address; when the last one did, or the next one does (milliseconds since 1970). */
  | { readonly id: number; readonly kind: 'received' | 'last' | 'next'; readonly from: string }
  | {
      readonly id: number
      readonly kind: 'tcp' | 'udp'
      readonly ip: string
      readonly port: number
      readonly sourcePort?: number
      readonly timeoutMs: number
    }
export interface PeerAnswer {
  readonly id: number
  readonly value: number
}

const arrivals = new Map<string, { readonly count: number; readonly at: number }>()
const waiting = new Map<string, (at: number) => void>()

const listenTcp = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
    server.once('error', reject).listen(port, '::', resolve)
  })

const listenUdp = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp6')
    socket.on('message', (data, { port: from, address }) => {
      const sender = address.replace(/^::ffff:/, '')
      const at = performance.timeOrigin + performance.now()
      arrivals.set(sender, { count: (arrivals.get(sender)?.count ?? 0) + 1, at })
      waiting.get(sender)?.(at)
      socket.send(data, from, address)
    })
    socket.once('error', reject).bind(port, '::', resolve)
  })

type Probe = Extract<PeerRequest, { kind: 'tcp' | 'udp' }>

/** A byte there and back. */
const tryTcp = ({ ip, port, sourcePort, timeoutMs }: Probe): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: ip, port, ...(sourcePort !== undefined && { localPort: sourcePort }) })
    const end = (ok: boolean): void => {
      socket.resetAndDestroy()
      resolve(ok)
    }
    socket.setTimeout(timeoutMs, () => end(false))
    socket
      .on('error', () => end(false))
      .on('connect', () => socket.write('x'))
      .on('data', () => end(true))
  })

const tryUdp = ({ ip, port, sourcePort, timeoutMs }: Probe): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
    const end = (ok: boolean): void => {
      clearTimeout(timer)
      socket.close()
      resolve(ok)
    }
    const timer = setTimeout(() => end(false), timeoutMs)
    socket.on('error', () => end(false)).on('message', () => end(true))
    socket.bind(sourcePort ?? 0, () => socket.send('x', port, ip))
  })

const FIRST_PORT = 1024
const PORT_COUNT = 60_000

/** @returns How many were sent; what cannot be sent counts as well. */
const flood = ({ ip, port, forMs }: Extract<PeerRequest, { kind: 'flood' }>): Promise<number> =>
  new Promise((resolve) => {
    let sent = 0
    const timer = setInterval(() => {
      const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4').on('error', () => undefined)
      socket.bind(FIRST_PORT + (sent++ % PORT_COUNT), () => socket.send('x', port, ip, () => socket.close()))
    }, 1)
    setTimeout(() => {
      clearInterval(timer)
      resolve(sent)
    }, forMs)
  })

async function answer(request: PeerRequest): Promise<number> {
  switch (request.kind) {
    case 'tcp':
      return Number(await tryTcp(request))
    case 'udp':
      return Number(await tryUdp(request))
    case 'flood':
      return flood(request)
    case 'received':
      return arrivals.get(request.from)?.count ?? 0
    case 'last':
      return arrivals.get(request.from)?.at ?? 0
    case 'next':
      return new Promise<number>((resolve) => waiting.set(request.from, resolve)).finally(() =>
        waiting.delete(request.from),
      )
    default:
      await Promise.all([...request.tcp.map(listenTcp), ...request.udp.map(listenUdp)])
      return 1
  }
}

process.on('message', (request: PeerRequest) => {
  void answer(request)
    .catch(() => 0)
    .then((value) => process.send?.({ id: request.id, value } satisfies PeerAnswer))
})
process.on('disconnect', () => process.exit(0))
