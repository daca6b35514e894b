/**
 * Felix as it is shipped, with an etcd of its own, in charge of this network namespace.
 *
 * `apply` returns when the kernel holds what the resources say. Two signs tell: the calculation counts every changed key that
 * it has taken in, of all kinds; after that the address of a sentinel endpoint is changed, and Felix makes routes last of
 * all, so a route to the new address says that everything before it stands.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { quietLogger, waitFor } from '@calico-node/core'
import { type KvStore, openEtcd } from '@calico-node/datastore'
import {
  encodeResource,
  type Ip,
  makeResource,
  parseCidr,
  parseIp,
  type Resource,
  resourceKey,
} from '@calico-node/model'
import type { Failsafe } from '@calico-node/policy'
import { TestEtcd } from '@calico-node/testkit'
import type { HostSetting } from '../questions.ts'
import { addressBytes } from './packet-bytes.ts'

export type Variant = 'legacy' | 'nft'
export const VARIANTS: readonly Variant[] = ['legacy', 'nft']

const FELIX = resolve(import.meta.dirname, '../../../bin/felix')
const METRICS_PORT = 9091
const SENTINEL = 'calisentinel'
/** The machine is shared; what takes a second alone may take many. */
const DEADLINE = { deadlineMs: 60_000, pollMs: 10 }
/** So many writes at once. */
const BATCH = 500
/** Other kinds do not feed the calculation. */
const COUNTED = new Set<Resource['kind']>([
  'WorkloadEndpoint',
  'HostEndpoint',
  'GlobalNetworkSet',
  'NetworkSet',
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'Profile',
  'Tier',
  'IPPool',
  'Node',
])

type Failsafes = NonNullable<HostSetting['failsafe']>
/** Two ports each way. */
export const FAILSAFE: Failsafes = {
  inbound: [
    { protocol: 'tcp', port: 22 },
    { protocol: 'udp', port: 68 },
  ],
  outbound: [
    { protocol: 'udp', port: 53 },
    { protocol: 'udp', port: 67 },
  ],
}

export interface FelixNodeOptions {
  readonly node: string
  readonly variant: Variant
  /** Parameters as environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** Further flags of etcd. */
  readonly etcdArgs?: readonly string[]
}

export class FelixNode {
  readonly store: KvStore
  /** What host endpoints never close here: also the ways to etcd and to the figures. */
  readonly failsafe: Failsafes
  readonly #options: FelixNodeOptions
  readonly #etcd: TestEtcd
  #felix: ChildProcess | undefined
  #applied = new Map<string, { readonly value: string; readonly kind: Resource['kind'] }>()
  #sentinels = 0
  #lives = 0
  /** What Felix has said, over all its lives. */
  log = ''

  private constructor(options: FelixNodeOptions, etcd: TestEtcd) {
    this.#options = options
    this.#etcd = etcd
    this.store = openEtcd({ endpoints: etcd.urls }, quietLogger)
    const net = parseCidr('127.0.0.0/8')
    const local = [...etcd.members.map(({ clientPort }) => clientPort), METRICS_PORT].map(
      (port) => ({ protocol: 'tcp', port, net }) as const,
    )
    this.failsafe = { inbound: [...FAILSAFE.inbound, ...local], outbound: [...FAILSAFE.outbound, ...local] }
  }

  /** An etcd that says the cluster is ready; Felix is not running yet. */
  static async create(options: FelixNodeOptions): Promise<FelixNode> {
    const node = new FelixNode(options, await TestEtcd.start({ args: options.etcdArgs ?? [] }))
    const ready = makeResource('ClusterInformation', { name: 'default' }, { datastoreReady: true })
    await node.store.put(keyOf(ready), encodeResource(ready))
    execFileSync('ip', ['link', 'add', SENTINEL, 'type', 'veth', 'peer', 'name', 'sentinel'])
    for (const each of [SENTINEL, 'sentinel']) execFileSync('ip', ['link', 'set', each, 'up'])
    return node
  }

  startFelix(): void {
    const child = spawn(FELIX, ['-c', '/dev/null'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        FELIX_FELIXHOSTNAME: this.#options.node,
        FELIX_ETCDENDPOINTS: this.#etcd.urls.join(),
        FELIX_IPTABLESBACKEND: this.#options.variant,
        FELIX_ENDPOINTSTATUSPATHPREFIX: 'none',
        FELIX_PROMETHEUSMETRICSENABLED: 'true',
        FELIX_PROMETHEUSMETRICSPORT: String(METRICS_PORT),
        FELIX_FAILSAFEINBOUNDHOSTPORTS: this.failsafe.inbound.map(failsafeText).join(','),
        FELIX_FAILSAFEOUTBOUNDHOSTPORTS: this.failsafe.outbound.map(failsafeText).join(','),
        ...this.#options.env,
      },
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.log += text))
    this.#felix = child
    this.#lives++
  }

  /** Resolves when the running Felix has said that it is in sync. */
  async inSync(): Promise<void> {
    const child = this.#felix ?? assert.fail('Felix is not running')
    await waitFor(
      `Felix to be in sync in its ${this.#lives}. life`,
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with status ${child.exitCode}: ${this.log.slice(-2000)}`)
        return this.log.split('Dataplane is in sync').length > this.#lives
      },
      DEADLINE,
    )
  }

  get pid(): number {
    return this.#felix?.pid ?? assert.fail('Felix is not running')
  }

  /** Kills it without a word, and leaves everything as it is. */
  async killFelix(): Promise<void> {
    const child = this.#felix
    this.#felix = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Makes the store hold exactly these resources, besides the sentinel. Nobody waits. @returns How many changes count. */
  async put(resources: readonly Resource[]): Promise<number> {
    const wanted = new Map(resources.map((item) => [keyOf(item), { value: encodeResource(item), kind: item.kind }]))
    const changed = [...wanted].filter(([key, { value }]) => this.#applied.get(key)?.value !== value)
    const gone = [...this.#applied].filter(([key]) => !wanted.has(key))
    this.#applied = wanted
    for (const batch of inBatches(changed))
      await Promise.all(batch.map(([key, { value }]) => this.store.put(key, value)))
    for (const batch of inBatches(gone)) await Promise.all(batch.map(([key]) => this.store.delete(key)))
    return [...changed, ...gone].filter(([, { kind }]) => COUNTED.has(kind)).length
  }

  /** Somebody wrote over this key: the next `put` writes it again. */
  forget(key: string): void {
    this.#applied.delete(key)
  }

  /** Makes the store hold exactly these resources, and waits until the kernel follows. Felix must be in sync. */
  async apply(resources: readonly Resource[]): Promise<void> {
    const before = await takenIn()
    const changes = await this.put(resources)
    await waitFor(
      `Felix to take in ${changes} changes`,
      async () => {
        const seen = (await takenIn()) - before
        if (seen < changes) throw new Error(`it has taken in ${seen}: ${this.log.slice(-2000)}`)
        return true
      },
      DEADLINE,
    )
    await this.settle()
  }

  /** Waits until the kernel holds what Felix has taken in so far. */
  async settle(): Promise<void> {
    const number = ++this.#sentinels
    const ips = [parseIp(`192.0.2.${(number % 250) + 1}`), parseIp(`fd00:5e::${number.toString(16)}`)]
    const sentinel = makeResource(
      'WorkloadEndpoint',
      { namespace: 'sentinel', labels: { 'projectcalico.org/namespace': 'sentinel' } },
      {
        orchestrator: 'test',
        workload: 'sentinel',
        node: this.#options.node,
        endpoint: 'eth0',
        interfaceName: SENTINEL,
        ipNetworks: ips.map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`),
      },
    )
    await this.store.put(keyOf(sentinel), encodeResource(sentinel))
    await waitFor(
      'the routes of the sentinel',
      () => {
        if (ips.every(hasRoute)) return true
        throw new Error(`Felix says: ${this.log.slice(-2000)}`)
      },
      DEADLINE,
    )
  }

  /** Felix leaves the kernel as it is; whoever comes next must find nothing. */
  async stop(): Promise<void> {
    await this.killFelix()
    this.store.close()
    await this.#etcd.stop()
    execFileSync('ip', ['link', 'del', SENTINEL])
    const tools = ['iptables', 'ip6tables'].map((tool) => `${tool}-${this.#options.variant}`)
    const tables = tools.flatMap((tool) => ['raw', 'mangle', 'nat', 'filter'].map((table) => `${tool} -t ${table}`))
    execFileSync('sh', ['-c', [...tables.map((each) => `${each} -F; ${each} -X`), 'ipset destroy'].join('; ')])
  }
}

const inBatches = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / BATCH) }, (_, at) => items.slice(at * BATCH, (at + 1) * BATCH))

const failsafeText = ({ protocol, net, port }: Failsafe): string => [protocol, ...(net ? [net] : []), port].join(':')

const keyOf = ({ kind, metadata }: Resource): string => resourceKey(kind, metadata.name, metadata.namespace)

/** How many changes the calculation of the running Felix has taken in. */
async function takenIn(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)).text()
  const counts = [...text.matchAll(/^felix_calc_graph_updates_processed\{[^}]*\} (\d+)$/gm)].map(([, count]) =>
    Number(count),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** As the kernel prints it: IPv4 in the byte order of the machine. */
function hasRoute(ip: Ip): boolean {
  const bytes = addressBytes(ip)
  const [file, hex] =
    bytes.length === 4
      ? ['/proc/net/route', Buffer.from(bytes.toReversed()).toString('hex').toUpperCase()]
      : ['/proc/net/ipv6_route', bytes.toString('hex')]
  return readFileSync(file, 'utf8')
    .split('\n')
    .some((line) => line.includes(hex) && line.includes(SENTINEL))
}
