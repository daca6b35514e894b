import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { PeerAnswer, PeerRequest } from './peer-agent.ts'

const execute = promisify(execFile)
const AGENT = new URL('./peer-agent.ts', import.meta.url).pathname

export interface PeerOptions {
  /** Name of its network namespace. */
  readonly name: string
  /** The end of the veth pair that stays here. */
  readonly hostInterface: string
  /** Addresses with prefix length, of either family. */
  readonly addresses: readonly string[]
  /** Ports that answer, TCP and UDP. Default none. */
  readonly ports?: readonly number[]
  /** The next hop of everything, reached without an address of that link (a workload's). Default 169.254.1.1. */
  readonly gateway?: string
}

export interface PingOptions {
  readonly count?: number
  readonly intervalMs?: number
  readonly source?: string
}

/**
 * Somebody to talk to: a network namespace behind a veth pair, as a container is, with a process inside that listens and
 * connects. Both ends are up when it is returned; the host end gets no address.
 */
export class Peer {
  readonly name: string
  readonly hostInterface: string
  readonly #agent: ChildProcess
  readonly #waiting = new Map<number, (value: number) => void>()
  #serial = 0

  private constructor({ name, hostInterface }: PeerOptions, agent: ChildProcess) {
    this.name = name
    this.hostInterface = hostInterface
    this.#agent = agent
    agent.on('message', (answer: PeerAnswer) => this.#waiting.get(answer.id)?.(answer.value))
    agent.on('exit', () => this.#waiting.forEach((done) => done(0)))
  }

  static async start(options: PeerOptions): Promise<Peer> {
    const { name, hostInterface, addresses, ports = [], gateway = '169.254.1.1' } = options
    await ip('netns', 'add', name)
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    await ip('link', 'add', hostInterface, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await ip('link', 'set', hostInterface, 'up')
    for (const address of addresses)
      await ip('-n', name, 'addr', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : []))
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
    if (addresses.some((address) => !address.includes(':'))) {
      await ip('-n', name, 'route', 'replace', gateway, 'dev', 'eth0', 'scope', 'link')
      await ip('-n', name, 'route', 'replace', 'default', 'via', gateway, 'dev', 'eth0')
    }
    if (addresses.some((address) => address.includes(':'))) {
      await ip('-n', name, '-6', 'route', 'replace', 'default', 'via', await linkLocal(hostInterface), 'dev', 'eth0')
    }
    const agent = spawn('ip', ['netns', 'exec', name, process.execPath, AGENT], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const peer = new Peer(options, agent)
    if ((await peer.#ask({ kind: 'listen', tcp: ports, udp: ports })) === 0) throw new Error(`Cannot listen in ${name}`)
    return peer
  }

  /** Sends one byte over a new connection and waits for it to come back. */
  async tcp(to: string, port: number, opts: { sourcePort?: number; timeoutMs?: number } = {}): Promise<boolean> {
    return (await this.#ask({ kind: 'tcp', ip: to, port, timeoutMs: 500, ...opts })) === 1
  }

  /** Sends one datagram and waits for it to come back. */
  async udp(to: string, port: number, opts: { sourcePort?: number; timeoutMs?: number } = {}): Promise<boolean> {
    return (await this.#ask({ kind: 'udp', ip: to, port, timeoutMs: 500, ...opts })) === 1
  }

  /** Sends a datagram a millisecond, each the first of a new flow. What arrives is counted there: see `received`. @returns How many were sent. */
  flood(to: string, port: number, forMs: number): Promise<number> {
    return this.#ask({ kind: 'flood', ip: to, port, forMs })
  }

  /** How many datagrams have come in from an address since the start. */
  received(from: string): Promise<number> {
    return this.#ask({ kind: 'received', from })
  }

  /** When the last datagram came in from an address, in milliseconds since 1970. */
  lastReceived(from: string): Promise<number> {
    return this.#ask({ kind: 'last', from })
  }

  /** When the next datagram comes in; waits for it. */
  nextReceived(from: string): Promise<number> {
    return this.#ask({ kind: 'next', from })
  }

  /** Echo requests; the answer comes from the other kernel. @returns How many came back. */
  async ping(to: string, { count = 1, intervalMs = 10, source }: PingOptions = {}): Promise<number> {
    const args = [
      '-n',
      '-q',
      '-W',
      '0.5',
      '-c',
      String(count),
      '-i',
      String(intervalMs / 1000),
      ...(source === undefined ? [] : ['-I', source]),
      to,
    ]
    const { stdout } = await execute('ip', ['netns', 'exec', this.name, 'ping', ...args]).catch(
      (err: { stdout?: string }) => ({ stdout: err.stdout ?? '' }),
    )
    return Number(/(\d+) received/.exec(stdout)?.[1] ?? 0)
  }

  /** MAC address of its end. */
  async mac(): Promise<string> {
    const text = await ip('-n', this.name, '-o', 'link', 'show', 'eth0')
    return /link\/ether (\S+)/.exec(text)?.[1] ?? ''
  }

  /** Runs a command inside. */
  async exec(file: string, ...args: readonly string[]): Promise<string> {
    return (await execute('ip', ['netns', 'exec', this.name, file, ...args])).stdout
  }

  /** The namespace goes, and with it both ends of the link. */
  async stop(): Promise<void> {
    const gone = once(this.#agent, 'exit')
    this.#agent.disconnect()
    await gone
    await ip('netns', 'del', this.name)
    await ip('link', 'del', this.hostInterface).catch(() => undefined)
  }

  #ask(request: Question): Promise<number> {
    const id = this.#serial++
    return new Promise<number>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#agent.send({ id, ...request } satisfies PeerRequest)
    }).finally(() => this.#waiting.delete(id))
  }
}

type Without<T> = T extends unknown ? Omit<T, 'id'> : never
type Question = Without<PeerRequest>

const ip = async (...args: readonly string[]): Promise<string> => (await execute('ip', args)).stdout

/** The address that the host end answers to as an IPv6 gateway. */
async function linkLocal(dev: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const found = /inet6 (fe80:[^/]+)/.exec(await ip('-6', '-o', 'addr', 'show', 'dev', dev))?.[1]
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`Cannot find the link-local address of ${dev}`)
}
