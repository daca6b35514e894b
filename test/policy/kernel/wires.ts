/**
 * The surroundings of one host: workloads behind `cali*` interfaces and an outside behind eth0, in this network namespace.
 *
 * The far ends of all links lie in one other namespace, which does nothing but put our frames on them and note what comes
 * out. So any packet can be sent by anybody, and hundreds at once; nobody answers, so each packet shows one verdict.
 */
import { execFileSync } from 'node:child_process'
import { type Ip, ipVersion, isIpv4, parseIp, parseMac } from '@calico-node/model'
import type { Packet } from '@calico-node/policy'
import { Arrivals } from './arrivals.ts'
import { HOST } from '../questions.ts'
import { addressBytes, packetBytes } from './packet-bytes.ts'
import { ipAddress, linkAddress, Sender } from './sender.ts'

const PEERS = 'peers'
export const UPLINK = 'eth0'
/** Of the host, and the next hop of everything that is not here. */
const ADDRESSES = [
  { ip: parseIp('172.16.0.1'), length: 24, nextHop: parseIp('172.16.0.2') },
  { ip: parseIp('fd00:16::1'), length: 64, nextHop: parseIp('fd00:16::2') },
] as const
export type Addresses = readonly [v4: Ip, v6: Ip]
export const HOST_IPS: Addresses = [ADDRESSES[0].ip, ADDRESSES[1].ip]

/** A packet, where it is put in, and where it should come out if nothing stops it. */
export interface Shot {
  readonly packet: Packet
  /** `host`, or a host-side interface. */
  readonly from: string
  readonly to: string
}

type NumberedShot = Shot & { readonly serial: number }
interface Arrived {
  readonly shot: Shot
  readonly serial: number
  /** How often it came out where it should, and elsewhere. */
  readonly arrived: number
  readonly astray: number
}
export interface FloodResult extends Arrived {
  readonly sent: number
}

const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8' })

function linkOf(...args: readonly string[]): { readonly address: string; readonly ifindex: number } {
  const [link]: { address: string; ifindex: number }[] = JSON.parse(ip('-j', ...args))
  if (link === undefined) throw new Error(`Cannot find the link: ip ${args.join(' ')}`)
  return link
}

interface Link {
  readonly hostMac: Buffer
  readonly peerMac: Buffer
  readonly peerIndex: number
}

export class Wires {
  readonly #links = new Map<string, Link>()
  readonly #frames: Sender
  readonly #local: Readonly<Record<4 | 6, Sender>>
  readonly #there: Arrivals
  readonly #here: Arrivals
  #serial = 0

  private constructor(frames: Sender, there: Arrivals, here: Arrivals) {
    this.#frames = frames
    this.#local = { 4: Sender.local(4), 6: Sender.local(6) }
    this.#there = there
    this.#here = here
  }

  /** The outside only; interfaces of workloads are added. */
  static async create(): Promise<Wires> {
    ip('netns', 'add', PEERS)
    const wires = new Wires(
      Sender.frames(PEERS),
      await Arrivals.watch({ kind: 'peers', namespace: PEERS }),
      await Arrivals.watch({ kind: 'host' }),
    )
    wires.addInterface(UPLINK)
    for (const each of ['all', UPLINK]) execFileSync('sysctl', ['-qw', `net.ipv4.conf.${each}.rp_filter=0`])
    for (const { ip: own, length, nextHop } of ADDRESSES) {
      ip('addr', 'add', `${own}/${length}`, 'dev', UPLINK, 'noprefixroute', ...(isIpv4(own) ? [] : ['nodad']))
      wires.addNeighbour(UPLINK, nextHop)
      ip('route', 'replace', 'default', 'via', nextHop, 'dev', UPLINK, 'onlink')
    }
    return wires
  }

  addInterface(name: string): void {
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `p-${name}`, 'netns', PEERS)
    ip('-n', PEERS, 'link', 'set', `p-${name}`, 'addrgenmode', 'none')
    ip('-n', PEERS, 'link', 'set', `p-${name}`, 'up')
    ip('link', 'set', name, 'up')
    const peer = linkOf('-n', PEERS, 'link', 'show', `p-${name}`)
    const hostMac = macBytes(linkOf('link', 'show', name).address)
    this.#links.set(name, { hostMac, peerMac: macBytes(peer.address), peerIndex: peer.ifindex })
  }

  /**
   * The far end answers no questions, so the host is told who has an address. Permanent entries would be Felix's, and other
   * ones the kernel forgets when the machine has many; not those that come from outside of it.
   */
  addNeighbour(name: string, address: Ip): void {
    ip('neigh', 'replace', address, 'lladdr', this.macOf(name), 'dev', name, 'nud', 'noarp', 'extern_learn')
  }

  /** MAC address of the far end. */
  macOf(name: string): string {
    return parseMac(
      this.#link(name)
        .peerMac.toString('hex')
        .replaceAll(/..(?=.)/g, '$&:'),
    )
  }

  /** Sends them all. @returns For each whether it came out. @throws Error when one came out elsewhere than it should */
  async fire(shots: readonly Shot[]): Promise<boolean[]> {
    const numbered = this.#numbered(shots)
    for (const shot of numbered) this.#senderOf(shot).add(...this.#wire(shot))
    await Promise.all([this.#frames.flush(), this.#local[4].flush(), this.#local[6].flush()])
    return (await this.#arrivals(numbered)).map(({ arrived, astray }, at) => {
      if (astray > 0) throw new Error(`A packet came out elsewhere: ${JSON.stringify(shots[at])}`)
      return arrived > 0
    })
  }

  /** Sends them again and again, a packet each millisecond of each kind of sender, until it is asked how many came out. */
  flood(shots: readonly Shot[]): { readonly end: () => Promise<FloodResult[]> } {
    const numbered = this.#numbered(shots)
    const bySender = Map.groupBy(numbered, (shot) => this.#senderOf(shot))
    for (const [sender, group] of bySender) {
      for (const shot of group) sender.add(...this.#wire(shot))
      sender.repeat(1)
    }
    const end = async (): Promise<FloodResult[]> => {
      const sent = new Map<number, number>()
      for (const [sender, group] of bySender) {
        const counts = await sender.endRepeat()
        for (const [at, { serial }] of group.entries()) sent.set(serial, counts[at] ?? 0)
      }
      return (await this.#arrivals(numbered)).map((result) => ({ ...result, sent: sent.get(result.serial) ?? 0 }))
    }
    return { end }
  }

  #numbered(shots: readonly Shot[]): NumberedShot[] {
    return shots.map((shot) => ({ ...shot, serial: this.#nextSerial() }))
  }

  async #arrivals(shots: readonly NumberedShot[]): Promise<Arrived[]> {
    const there = await this.#there.take()
    const here = [...(await this.#here.take()).values()]
    return shots.map(({ serial, ...shot }) => {
      const at = (serials: ReadonlyMap<number, number>): number => serials.get(serial) ?? 0
      const counts = new Map([...there].map(([name, serials]) => [name, at(serials)]))
      counts.set(
        HOST,
        here.reduce((sum, serials) => sum + at(serials), 0),
      )
      const arrived = counts.get(shot.to === HOST ? HOST : `p-${shot.to}`) ?? 0
      return { shot, serial, arrived, astray: [...counts.values()].reduce((sum, count) => sum + count, 0) - arrived }
    })
  }

  #senderOf({ packet, from }: Shot): Sender {
    return from === HOST ? this.#local[ipVersion(packet.source)] : this.#frames
  }

  /** What the sender wants: an address and bytes. */
  #wire({ packet, from, serial }: NumberedShot): [address: Buffer, bytes: Buffer] {
    const bytes = packetBytes(packet, serial)
    if (from === HOST) return [ipAddress(addressBytes(packet.destination)), bytes]
    const { hostMac, peerMac, peerIndex } = this.#link(from)
    const etherType = Buffer.from(isIpv4(packet.source) ? '0800' : '86dd', 'hex')
    return [linkAddress(peerIndex), Buffer.concat([hostMac, peerMac, etherType, bytes])]
  }

  #link(name: string): Link {
    const link = this.#links.get(name)
    if (link === undefined) throw new RangeError(`There is no interface ${name}`)
    return link
  }

  /** Never 0, which the kernel replaces, and within the 16 bits of IPv4. */
  #nextSerial(): number {
    this.#serial = (this.#serial % 0xffff) + 1
    return this.#serial
  }

  stop(): void {
    for (const sender of [this.#frames, ...Object.values(this.#local)]) sender.stop()
    for (const name of this.#links.keys()) ip('link', 'del', name)
    ip('netns', 'del', PEERS)
    execFileSync('nft', ['delete', 'table', 'inet', 'probes'])
  }
}

const macBytes = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex')
