/**
 * A lab: an underlay (one bridge, with etcd beside it) and hosts on it, all in namespaces of their own.
 *
 *      etcd 172.30.0.1 ── bridge br0 172.30.0.0/24, fd00:172:30::/64     br1 172.30.1.0/24, fd00:172:30:1::/64   ...
 *                            │            │                                 │
 *                     host1 .11     host2 .12                            host3 .13        (eth0; default route via .1)
 *
 * The machine with the bridges is the router between them; it knows no address of a workload. The underlay lies outside the
 * default pools. Nothing touches the network of the computer below.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabEtcd } from './etcd.ts'
import { must } from './exec.ts'
import { Host } from './host.ts'
import { Machine } from './machine.ts'

export const UNDERLAY = { ipv4: '172.30.0.1', ipv6: 'fd00:172:30::1', prefix4: 24, prefix6: 64 } as const

/** A network of the underlay, by number. */
const subnetOf = (number: number): { readonly ipv4: string; readonly ipv6: string } =>
  number === 0
    ? { ipv4: '172.30.0', ipv6: 'fd00:172:30:' }
    : { ipv4: `172.30.${number}`, ipv6: `fd00:172:30:${number}:` }

export interface LabOptions {
  /** The project's root folder. */
  readonly root: string
  /** State folder of this lab; what an earlier lab left there is ended first. */
  readonly dir: string
  /** More flags for etcd. */
  readonly etcdArgs?: readonly string[]
  /** Machines outlive this process. */
  readonly keep?: boolean
}

export class Lab {
  readonly underlay: Machine
  readonly etcd: LabEtcd
  readonly hosts = new Map<string, Host>()
  readonly #subnets = new Set<number>()
  readonly #opts: LabOptions

  private constructor(opts: LabOptions, underlay: Machine) {
    this.#opts = opts
    this.underlay = underlay
    this.etcd = new LabEtcd({ machine: underlay, address: UNDERLAY.ipv4, args: opts.etcdArgs ?? [] })
  }

  /** Brings up the underlay and etcd. */
  static async start(opts: LabOptions): Promise<Lab> {
    await stopLab(opts.dir)
    mkdirSync(opts.dir, { recursive: true })
    const { keep = false } = opts
    const underlay = await Machine.start({ name: 'underlay', dir: join(opts.dir, 'underlay'), keep })
    const lab = new Lab(opts, underlay)
    await lab.#addSubnet(0)
    await lab.etcd.start()
    return lab
  }

  async #addSubnet(number: number): Promise<void> {
    if (this.#subnets.has(number)) return
    this.#subnets.add(number)
    const { ipv4, ipv6 } = subnetOf(number)
    await this.underlay.sh(`
      ip link add br${number} type bridge && ip link set br${number} up
      ip addr add ${ipv4}.1/${UNDERLAY.prefix4} dev br${number}
      ip -6 addr add ${ipv6}:1/${UNDERLAY.prefix6} dev br${number} nodad`)
    if (this.#subnets.size < 2) return
    await this.underlay.sh('echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv6/conf/all/forwarding')
  }

  /** Adds a host with eth0 on a network of the underlay and a default route. Host number N gets .N+10. */
  async addHost(name: string, { subnet = 0 }: { subnet?: number } = {}): Promise<Host> {
    await this.#addSubnet(subnet)
    const { root, dir, keep = false } = this.#opts
    const number = this.hosts.size + 11
    const machine = await Machine.start({ name, dir: join(dir, name), keep })
    const { ipv4, ipv6 } = subnetOf(subnet)
    const addresses = { ipv4: `${ipv4}.${number}`, ipv6: `${ipv6}:${number}` }
    await must('ip', [
      'link',
      'add',
      'name',
      'eth0',
      'netns',
      String(machine.pid),
      'type',
      'veth',
      'peer',
      'name',
      name,
      'netns',
      String(this.underlay.pid),
    ])
    await this.underlay.sh(`ip link set ${name} master br${subnet} up`)
    await machine.sh(`
      ip addr add ${addresses.ipv4}/${UNDERLAY.prefix4} dev eth0
      ip -6 addr add ${addresses.ipv6}/${UNDERLAY.prefix6} dev eth0 nodad
      ip link set eth0 up
      ip route add default via ${ipv4}.1
      ip -6 route add default via ${ipv6}:1`)
    const host = new Host({ machine, addresses, root, etcdEndpoint: this.etcd.endpoint })
    writeFileSync(join(machine.dir, 'env.json'), JSON.stringify(machine.env))
    this.hosts.set(name, host)
    return host
  }

  host(name: string): Host {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`The lab has no host ${name}: it has ${[...this.hosts.keys()].join(', ')}`)
    return host
  }

  async stop(): Promise<void> {
    await stopLab(this.#opts.dir)
  }
}

/** A running machine of a lab that another process started, with its environment. */
export function findMachine(dir: string, name: string): Machine | undefined {
  const machine = Machine.find(name, join(dir, name))
  if (machine !== undefined && name !== 'underlay') {
    Object.assign(machine.env, JSON.parse(readFileSync(join(dir, name, 'env.json'), 'utf8')))
  }
  return machine
}

/** Ends every machine below `dir` and removes the folder. Fine when there is none. */
export async function stopLab(dir: string): Promise<number> {
  let ended = 0
  for (const name of listMachines(dir)) {
    const machine = Machine.find(name, join(dir, name))
    if (machine === undefined) continue
    await machine.kill()
    ended++
  }
  rmSync(dir, { recursive: true, force: true })
  return ended
}

export function listMachines(dir: string): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}
