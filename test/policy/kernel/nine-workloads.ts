/**
 * The surroundings of the connectivity cases: nine workloads and a machine outside, each with a process that listens and
 * connects, around this network namespace, which is the node.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { Peer } from '@calico-node/testkit'
import { type Check, EXTERNAL_IP, interfaceOf, NODE_IP, WORKLOADS, workloadIp } from '../cases.ts'

/** A denied connection takes this long; an allowed one that is slower is tried again. */
const TIMEOUT_MS = 400

export class NineWorkloads {
  readonly #peers: ReadonlyMap<string, Peer>
  readonly #servers: readonly Server[]

  private constructor(peers: ReadonlyMap<string, Peer>, servers: readonly Server[]) {
    this.#peers = peers
    this.#servers = servers
  }

  static async start(): Promise<NineWorkloads> {
    const external = Peer.start({
      name: 'ext',
      hostInterface: 'eth0',
      addresses: [`${EXTERNAL_IP}/24`],
      gateway: NODE_IP,
      ports: [22, 80, 81, 179],
    })
    const workloads = WORKLOADS.map(async (name) =>
      Peer.start({
        name: name.replace('/', '-'),
        hostInterface: interfaceOf(name),
        addresses: [`${workloadIp(name)}/32`],
        ports: [80, 81],
      }),
    )
    const peers = await Promise.all([external, ...workloads])
    execFileSync('ip', ['addr', 'add', `${NODE_IP}/24`, 'dev', 'eth0'])
    execFileSync('ip', ['route', 'add', 'default', 'via', EXTERNAL_IP]) // or nobody answers ARP for the workloads' gateway
    const servers = await Promise.all([22, 80, 81].map(listen))
    return new NineWorkloads(new Map(peers.map((peer, at) => [['ext', ...WORKLOADS][at] ?? '', peer])), servers)
  }

  /** Whether the check comes out as it should, now. */
  async holds(check: Check): Promise<boolean> {
    return (await this.#passes(check)) === (check.result === 'allow')
  }

  async #passes({ from, to, protocol, port, sourcePort }: Check): Promise<boolean> {
    const ip = to === 'node' ? NODE_IP : to === 'ext' ? EXTERNAL_IP : workloadIp(to)
    if (from === 'node') return connects(ip, port)
    const peer = this.#peers.get(from)
    if (peer === undefined) throw new RangeError(`There is no ${from}`)
    if (protocol === 'icmp') return (await peer.ping(ip)) === 1
    return peer[protocol](ip, port, { timeoutMs: TIMEOUT_MS, ...(sourcePort === undefined ? {} : { sourcePort }) })
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) server.close()
    await Promise.all([...this.#peers.values()].map(async (peer) => peer.stop()))
  }
}

/** Sends back what comes in. */
async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(port, NODE_IP)
  await once(server, 'listening')
  return server
}

async function connects(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port, timeout: TIMEOUT_MS })
  return new Promise((resolve) => {
    const end = (passed: boolean) => () => {
      socket.destroy()
      resolve(passed)
    }
    socket.on('connect', end(true)).on('timeout', end(false)).on('error', end(false))
  })
}
