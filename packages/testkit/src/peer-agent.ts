/**
 * Runs inside the network namespace of a test peer: answers on the ports it is told, and connects on request. Started by
 * `peer.ts` with an IPC channel; ends when that closes.
 */
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'

/** One question that the agent answers with true or false. */
export type PeerRequest =
  | { readonly id: number; readonly kind: 'listen'; readonly tcp: readonly number[]; readonly udp: readonly number[] }
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
  readonly ok: boolean
}

const listenTcp = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
    server.once('error', reject).listen(port, '::', resolve)
  })

const listenUdp = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp6')
    socket.on('message', (data, { port: from, address }) => socket.send(data, from, address))
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
    socket.bind(sourcePort, () => socket.send('x', port, ip))
  })

async function answer(request: PeerRequest): Promise<boolean> {
  if (request.kind === 'tcp') return tryTcp(request)
  if (request.kind === 'udp') return tryUdp(request)
  await Promise.all([...request.tcp.map(listenTcp), ...request.udp.map(listenUdp)])
  return true
}

process.on('message', (request: PeerRequest) => {
  void answer(request).catch(() => false).then((ok) => process.send?.({ id: request.id, ok } satisfies PeerAnswer))
})
process.on('disconnect', () => process.exit(0))
