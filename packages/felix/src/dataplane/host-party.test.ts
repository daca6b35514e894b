/** The host itself as one who sends and answers: this process, in the namespace of the test. */
import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket as TcpSocket } from 'node:net'
import { promisify } from 'node:util'
import { type Party, UPLINK } from './host-scene.test.ts'

export interface HostParty extends Party {
  stop(): Promise<void>
}

/** Answers on the ports over TCP and UDP, and speaks from the addresses of the uplink. */
export async function hostParty(ports: readonly number[]): Promise<HostParty> {
  const accepted = new Set<TcpSocket>()
  const tcp = await Promise.all(ports.map((port) => listenTcp(port, accepted)))
  const udp = await Promise.all(ports.map(listenUdp))
  return {
    ip: UPLINK,
    peer: { name: 'host', ping, tcp: tryTcp, udp: tryUdp },
    stop: async () => {
      for (const socket of udp) socket.close()
      for (const socket of accepted) socket.resetAndDestroy() // whose end was never heard
      await Promise.all(tcp.map(async (server) => once(server.close(), 'close')))
    },
  }
}

async function listenTcp(port: number, accepted: Set<TcpSocket>): Promise<Server> {
  const server = createServer((socket) => {
    accepted.add(socket.on('error', () => undefined).on('close', () => accepted.delete(socket)))
    socket.pipe(socket)
  })
  await once(server.listen(port, '::'), 'listening')
  return server
}

async function listenUdp(port: number): Promise<Socket> {
  const socket = createSocket('udp6')
  socket.on('error', () => undefined)
  socket.on('message', (data, { port: from, address }) => socket.send(data, from, address, () => undefined))
  await once(socket.bind(port, '::'), 'listening')
  return socket
}

interface Options {
  readonly sourcePort?: number
  readonly timeoutMs?: number
}

const tryTcp = (host: string, port: number, { timeoutMs = 500, sourcePort }: Options = {}): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, ...(sourcePort !== undefined && { localPort: sourcePort }) })
    const end = (ok: boolean): void => {
      if (socket.connecting)
        socket.destroy() // a reset would wait for the connection
      else socket.resetAndDestroy()
      resolve(ok)
    }
    socket.setTimeout(timeoutMs, () => end(false))
    socket
      .on('error', () => end(false))
      .on('connect', () => socket.write('x'))
      .on('data', () => end(true))
  })

const tryUdp = (host: string, port: number, { timeoutMs = 500, sourcePort }: Options = {}): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const end = (ok: boolean): void => {
      clearTimeout(timer)
      socket.close()
      resolve(ok)
    }
    const timer = setTimeout(() => end(false), timeoutMs)
    socket.once('message', () => end(true)).on('error', () => undefined)
    socket.bind(sourcePort ?? 0, () => socket.send('x', port, host, () => undefined))
  })

const ping = (to: string): Promise<number> =>
  promisify(execFile)('ping', ['-n', '-q', '-W', '0.5', '-c', '1', to]).then(
    () => 1,
    () => 0,
  )
