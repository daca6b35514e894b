/**
 * Runs inside the network namespace of a test peer: answers on the ports it is told, and connects on request. Started by
 * `peer.ts` with an IPC channel; ends when that closes.
 */
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'

/** One question that the agent answers with a number; 1 = yes. */
export type PeerRequest =
  | { readonly id: number; readonly kind: 'listen'; readonly tcp: readonly number[]; readonly udp: readonly number[] }
  /** Sends a datagram a millisecond, each from the same port. */
  | { readonly id: number; readonly kind: 'flood'; readonly ip: string; readonly port: number; readonly forMs: number }
  /** How many datagrams have come in from an address. */
  | { readonly id: number; readonly kind: 'received'; readonly from: string }
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

const received = new Map<string, number>()

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
      received.set(sender, (received.get(sender) ?? 0) + 1)
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
    socket.on('error', () => end(false)).on('connect', () => socket.write('x')).on('data', () => end(true))
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

/** @returns How many were sent; what cannot be sent counts as well. */
const flood = ({ ip, port, forMs }: Extract<PeerRequest, { kind: 'flood' }>): Promise<number> =>
  new Promise((resolve) => {
    const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4')
    let sent = 0
    socket.on('error', () => undefined)
    const timer = setInterval(() => {
      sent++
      socket.send('x', port, ip, () => undefined)
    }, 1)
    setTimeout(() => {
      clearInterval(timer)
      socket.close()
      resolve(sent)
    }, forMs)
  })

async function answer(request: PeerRequest): Promise<number> {
  switch (request.kind) {
    case 'tcp': return Number(await tryTcp(request))
    case 'udp': return Number(await tryUdp(request))
    case 'flood': return flood(request)
    case 'received': return received.get(request.from) ?? 0
    default:
      await Promise.all([...request.tcp.map(listenTcp), ...request.udp.map(listenUdp)])
      return 1
  }
}

process.on('message', (request: PeerRequest) => {
  void answer(request).catch(() => 0).then((value) => process.send?.({ id: request.id, value } satisfies PeerAnswer))
})
process.on('disconnect', () => process.exit(0))
