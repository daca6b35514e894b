/** A container runtime reduced to what the CNI specification asks of one, calling the real plugins on this host. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { quietLogger } from '@calico-node/core'
import { CalicoClient, openEtcd, parseConnection, type KvStore } from '@calico-node/datastore'
import { checkIpam, type IpamReport } from '@calico-node/ipam'
import { deleteLink, listLinks, run } from '@calico-node/linux'
import { makeResource, type WorkloadEndpointResource } from '@calico-node/model'
import { TestEtcd } from '@calico-node/testkit'

const BIN = resolve(import.meta.dirname, '../../bin')
export const NODE = 'host-a'
export const POOL = '10.65.0.0/24'

// oxlint-disable-next-line typescript/no-explicit-any -- what plugins print: tests look into it and compare
export type Json = Readonly<Record<string, any>>

export interface Answer {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** Standard output, parsed; empty when there was none. */
  readonly json: Json
}

export interface Call {
  /** Default `c1`. */
  readonly container?: string
  /** Name of a namespace, or a path. Default: the container's name. */
  readonly netns?: string
  readonly ifname?: string
  readonly args?: string
  readonly conf?: Json
  /** Goes in place of the configuration. */
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The plugin is killed after this long. */
  readonly killAfterMs?: number
  /** Default `calico`. */
  readonly plugin?: string
  /** Folder of the plugins. Default: this checkout's. */
  readonly bin?: string
}

export class Runtime {
  readonly etcd: TestEtcd
  readonly store: KvStore
  readonly client: CalicoClient
  readonly dir = mkdtempSync(join(tmpdir(), 'calico-cni-'))

  private constructor(etcd: TestEtcd) {
    this.etcd = etcd
    this.store = openEtcd(parseConnection({ env: { ETCD_ENDPOINTS: etcd.urls.join(',') } }), quietLogger)
    this.client = new CalicoClient(this.store)
  }

  static async start(): Promise<Runtime> {
    const runtime = new Runtime(await TestEtcd.start())
    await runtime.reset()
    return runtime
  }

  async stop(): Promise<void> {
    this.store.close()
    await this.etcd.stop()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** An empty host: a node and two pools in the datastore, no container. */
  async reset(): Promise<void> {
    await this.etcd.ctl('del', '--prefix', '/calico/')
    await this.client
      .resources('Node')
      .create(makeResource('Node', { name: NODE }, { bgp: { ipv4Address: '10.20.0.1/24' } }))
    await this.client.resources('IPPool').create(makeResource('IPPool', { name: 'four' }, { cidr: POOL }))
    await this.client.resources('IPPool').create(makeResource('IPPool', { name: 'six' }, { cidr: 'fd00:65::/120' }))
    for (const name of (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? ''))
      if (name !== '') await run('ip', ['netns', 'delete', name])
    for (const { name } of await listLinks()) if (name.startsWith('cali')) await deleteLink(name)
  }

  async addNetns(...names: string[]): Promise<void> {
    for (const name of names) await run('ip', ['netns', 'add', name])
  }

  /** The network configuration that calls use unless they say otherwise. */
  conf(more: Json = {}): Json {
    return {
      cniVersion: '1.0.0',
      name: 'net1',
      type: 'calico',
      nodename: NODE,
      etcd_endpoints: this.etcd.urls.join(','),
      ipam: { type: 'calico-ipam' },
      ...more,
    }
  }

  async call(command: string, call: Call = {}): Promise<Answer> {
    const { container = 'c1', netns = container, ifname = 'eth0', args = '', plugin = 'calico', bin = BIN } = call
    const env = {
      PATH: process.env['PATH'],
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: netns.startsWith('/') || netns === '' ? netns : `/run/netns/${netns}`,
      CNI_IFNAME: ifname,
      CNI_ARGS: args,
      CNI_PATH: `${bin}:/usr/lib/cni`,
      ...call.env,
    }
    const child = spawn(join(bin, plugin), [], { env, detached: true })
    const { pid } = child
    const ended = new Promise<number>((done) => child.on('close', (code) => done(code ?? 137)))
    child.stdin.on('error', () => undefined)
    child.stdin.end(call.stdin ?? JSON.stringify(this.conf(call.conf)))
    if (call.killAfterMs !== undefined && pid !== undefined) setTimeout(() => killGroup(pid), call.killAfterMs)
    const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    return { status, stdout, stderr, json: parsed(stdout) }
  }

  /** A call that must succeed. */
  async must(command: string, call: Call = {}): Promise<Json> {
    const { status, stdout, stderr, json } = await this.call(command, call)
    if (status !== 0) throw new Error(`${command} failed: ${stdout}${stderr}`)
    return json
  }

  ipam(): Promise<IpamReport> {
    return checkIpam(this.client)
  }

  endpoints(): Promise<WorkloadEndpointResource[]> {
    return this.client.resources('WorkloadEndpoint').list()
  }

  /** What is left that a clean host does not have. */
  async leftovers(): Promise<Json> {
    const { allocations, problems } = await this.ipam()
    return {
      addresses: allocations.length,
      problems: problems.length,
      endpoints: (await this.endpoints()).map(({ metadata }) => metadata.name),
      links: (await listLinks()).map(({ name }) => name).filter((name) => name.startsWith('cali')),
    }
  }
}

export const NOTHING_LEFT: Json = { addresses: 0, problems: 0, endpoints: [], links: [] }

/** The plugin and whatever it has started. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    /* it has ended already */
  }
}

function parsed(stdout: string): Json {
  try {
    return JSON.parse(stdout)
  } catch {
    return {}
  }
}
