/** Two workloads with a stream of datagrams between them, which tells when a change in the store became a verdict. */
import { execFileSync } from 'node:child_process'
import { sleep, waitFor } from '@calico-node/core'
import { Peer } from '@calico-node/testkit'

const SENDER = { name: 'sender', interfaceName: 'calisender', ip: '10.65.0.1' } as const
const SERVER = { name: 'server', interfaceName: 'caliserver', ip: '10.65.0.2' } as const
export const PROBES = { sender: SENDER, server: SERVER } as const
const PORT = 80
/** So long nothing comes in once the last one has. */
const SILENCE_MS = 150

const now = (): number => performance.timeOrigin + performance.now()

export class Probe {
  readonly #sender: Peer
  readonly #server: Peer

  private constructor(sender: Peer, server: Peer) {
    this.#sender = sender
    this.#server = server
  }

  static async start(): Promise<Probe> {
    const start = (of: typeof SENDER | typeof SERVER, ports: readonly number[]): Promise<Peer> =>
      Peer.start({ name: of.name, hostInterface: of.interfaceName, addresses: [`${of.ip}/32`], ports })
    const probe = new Probe(await start(SENDER, []), await start(SERVER, [PORT]))
    // The host answers for the gateway of workloads only while it has a way there itself.
    execFileSync('ip', ['route', 'replace', 'default', 'dev', 'lo'])
    // Each datagram is the first of a flow, and the ports come round again.
    for (const name of ['udp_timeout', 'udp_timeout_stream'])
      execFileSync('sysctl', ['-qw', `net.netfilter.nf_conntrack_${name}=5`])
    return probe
  }

  /** A datagram a millisecond from now on; a millisecond is what times can be told by. */
  flood(forMs: number): void {
    void this.#sender.flood(SERVER.ip, PORT, forMs)
  }

  /** From before `change` writes until the first datagram comes in. */
  async accepted(change: () => Promise<unknown>): Promise<number> {
    const arrives = this.#server.nextReceived(SENDER.ip)
    const start = now()
    await change()
    return (await arrives) - start
  }

  /** From before `change` writes until the last datagram came in. */
  async refused(change: () => Promise<unknown>): Promise<number> {
    const start = now()
    await change()
    const last = async (): Promise<number> => this.#server.lastReceived(SENDER.ip)
    await waitFor('the last datagram', async () => now() - Math.max(start, await last()) > SILENCE_MS, { pollMs: 10 })
    return Math.max(0, (await last()) - start)
  }

  async isSilent(): Promise<boolean> {
    const before = await this.#server.received(SENDER.ip)
    await sleep(SILENCE_MS)
    return before === (await this.#server.received(SENDER.ip))
  }

  async stop(): Promise<void> {
    await this.#sender.stop()
    await this.#server.stop()
  }
}
