/** Packets from the first host's workload to another's, and how many of them got no answer. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { waitFor } from '@calico-node/core'
import { DEADLINE_MS, type HostName, HOSTS } from './three-hosts.ts'

const INTERVAL_S = '0.1'
const SOME_PACKETS = 10

/** Ten packets a second until it is stopped. */
class Stream {
  readonly to: HostName
  readonly #ping: ChildProcess
  /** Number of the last packet that was answered. */
  #last = 0
  #answered = 0

  constructor(to: HostName) {
    this.to = to
    const args = ['netns', 'exec', HOSTS.host1.workload, 'ping', '-n', '-i', INTERVAL_S, HOSTS[to].address]
    const ping = spawn('stdbuf', ['-oL', 'ip', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#ping = ping
    createInterface({ input: ping.stdout }).on('line', (line) => {
      const [, number] = /icmp_seq=(\d+) ttl=.* ms$/.exec(line) ?? []
      if (number === undefined) return
      this.#last = Number(number)
      this.#answered++
    })
  }

  /** How many packets before the last one that was answered were not. */
  get lost(): number {
    return this.#last - this.#answered
  }

  /** Waits for some more answers. */
  async flows(): Promise<void> {
    const wanted = this.#answered + SOME_PACKETS
    await waitFor(`packets to ${this.to}`, () => this.#answered >= wanted, { deadlineMs: DEADLINE_MS })
  }

  async stop(): Promise<void> {
    const ended = once(this.#ping, 'exit')
    this.#ping.kill('SIGINT')
    await ended
  }
}

/** Counts what is lost on the way to each host while `work` goes on. Packets are answered before it, and again after it. */
export async function lossDuring(
  to: readonly HostName[],
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  const streams = to.map((host) => new Stream(host))
  await Promise.all(streams.map((stream) => stream.flows()))
  await work()
  await Promise.all(streams.map((stream) => stream.flows()))
  await Promise.all(streams.map((stream) => stream.stop()))
  return Object.fromEntries(streams.map(({ to: host, lost }) => [host, lost]))
}
