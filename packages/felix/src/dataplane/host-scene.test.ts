/**
 * A host to test the dataplane on: the network namespace of this test, with an uplink to an outside machine, workloads behind
 * veth pairs, and messages in place of the calculation graph. Everything else is real.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { quietLogger, waitFor } from '@calico-node/core'
import { parseCidr, parseInterfaceName, parseMac } from '@calico-node/model'
import { Peer } from '@calico-node/testkit'
import { type CalcMessage, type EndpointState, type WorkloadEndpoint, workloadKey } from '../calc/messages.ts'
import { environmentLayer } from '../config/layers.ts'
import type { FelixConfig } from '../config/params.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { FelixMetrics } from '../status/metrics.ts'
import { Problems } from '../status/problems.ts'
import { createDataplane } from './create.ts'
import type { Dataplane } from './loop.ts'
import { calcRule } from '../calc/rule-fixture.test.ts'

export const VARIANTS = ['legacy', 'nft'] as const
export type Variant = (typeof VARIANTS)[number]

const execute = promisify(execFile)
export const sh = async (command: string): Promise<string> => (await execute('sh', ['-c', command])).stdout

/** How a workload's address in each IP version follows from its number. */
const ADDRESS = { 4: (number: number) => `10.65.0.${number}`, 6: (number: number) => `fd00:65::${number}` } as const
export type Version = keyof typeof ADDRESS
export const VERSIONS = [4, 6] as const satisfies readonly Version[]
export const UPLINK = { 4: '172.16.0.1', 6: 'fd00:16::1' } as const
const OUTSIDE = { 4: '172.16.0.2', 6: 'fd00:16::2' } as const
export const PORTS = [80, 81]

/** Somebody who sends and answers. */
export interface Party {
  readonly peer: Pick<Peer, 'name' | 'ping' | 'tcp' | 'udp'>
  readonly ip: Readonly<Record<Version, string>>
}
/** A workload, or the machine outside. */
export interface Machine extends Party {
  readonly peer: Peer
}
export interface Workload extends Machine {
  readonly endpoint: WorkloadEndpoint
}

export class HostScene {
  readonly config: FelixConfig
  readonly states = new Map<string, EndpointState>()
  readonly outside: Machine
  #peers: Peer[]
  #dataplane: Dataplane | undefined
  #running: { stop: AbortController; done: Promise<unknown> } | undefined
  inSync = false
  readonly problems = new Problems({ log: quietLogger })

  private constructor(outside: Peer, config: FelixConfig) {
    this.outside = { peer: outside, ip: OUTSIDE }
    this.#peers = [outside]
    this.config = config
  }

  /** A host with an uplink; the dataplane is not running yet. Refuses to do this to a namespace that somebody lives in. */
  static async create(variant: Variant, env: Readonly<Record<string, string>> = {}): Promise<HostScene> {
    const links = (await sh('ip -br link')).split('\n').filter((line) => line !== '' && !line.startsWith('lo '))
    assert.deepEqual(links, [], 'this takes a fresh network namespace: run it through scripts/in-netns.sh')
    const { config } = resolveFelixConfig([environmentLayer({ FELIX_IPTABLESBACKEND: variant, ...env })])
    const outside = await Peer.start({
      name: 'outside',
      hostInterface: 'uplink',
      addresses: [`${OUTSIDE[4]}/24`, `${OUTSIDE[6]}/64`],
      gateway: UPLINK[4],
      ports: PORTS,
    })
    await sh(`ip addr add ${UPLINK[4]}/24 dev uplink; ip addr add ${UPLINK[6]}/64 dev uplink nodad`)
    await sh(`ip route replace default via ${OUTSIDE[4]}; ip -6 route replace default via ${OUTSIDE[6]}`)
    return new HostScene(outside, config)
  }

  /** Starts the dataplane, as a new process would: it knows nothing. */
  async start(): Promise<void> {
    const stop = new AbortController()
    const status = {
      workloadStatus: (id: WorkloadEndpoint['id'], state: EndpointState | undefined): void => {
        if (state === undefined) this.states.delete(workloadKey(id))
        else this.states.set(workloadKey(id), state)
      },
      hostEndpointStatus: (name: string, state: EndpointState | undefined): void => {
        if (state === undefined) this.states.delete(name)
        else this.states.set(name, state)
      },
      dataplaneInSync: (): void => {
        this.inSync = true
      },
    }
    const metrics = new FelixMetrics({ node: 'test', processMetrics: false })
    const { config, problems } = this
    const { dataplane } = await createDataplane({ config, status, metrics, problems, log: quietLogger })
    this.inSync = false
    this.#dataplane = dataplane
    this.#running = { stop, done: dataplane.run(stop.signal) }
  }

  /** Ends it between two steps, and leaves the kernel as it is. */
  async stop(): Promise<void> {
    this.#running?.stop.abort()
    await this.#running?.done
    this.#running = undefined
  }

  get dataplane(): Dataplane {
    return this.#dataplane ?? assert.fail('the dataplane is not running')
  }

  send(...messages: readonly CalcMessage[]): void {
    this.dataplane.onMessages(messages)
  }

  async converged(): Promise<void> {
    await waitFor('the dataplane to be in sync', () => this.inSync)
  }

  /** A namespace with both addresses of its number, behind `cali` and its name. */
  async addWorkload(name: string, number: number): Promise<Workload> {
    const ip = { 4: ADDRESS[4](number), 6: ADDRESS[6](number) }
    const hostInterface = `cali${name}`
    const peer = await Peer.start({ name, hostInterface, addresses: [`${ip[4]}/32`, `${ip[6]}/128`], ports: PORTS })
    this.#peers.push(peer)
    const endpoint: WorkloadEndpoint = {
      id: { orchestrator: 'test', workload: `default/${name}`, endpoint: 'eth0' },
      interfaceName: parseInterfaceName(hostInterface),
      mac: parseMac(await peer.mac()),
      nets: [parseCidr(`${ip[4]}/32`), parseCidr(`${ip[6]}/128`)],
      tiers: [],
      profiles: [],
    }
    return { peer, ip, endpoint }
  }

  async destroy(): Promise<void> {
    await this.stop()
    for (const peer of this.#peers) await peer.stop()
    for (const tool of ['iptables-legacy', 'ip6tables-legacy', 'iptables-nft', 'ip6tables-nft']) {
      for (const table of ['raw', 'mangle', 'nat', 'filter']) await sh(`${tool} -t ${table} -F; ${tool} -t ${table} -X`)
    }
    await sh('ipset destroy; conntrack -F; true')
  }
}

export const update = (workload: Workload, change: Partial<WorkloadEndpoint> = {}): CalcMessage => ({
  kind: 'workload.update',
  endpoint: { ...workload.endpoint, ...change },
})

/** Both directions of this profile allow everything. */
export const openProfile = (id = 'open'): CalcMessage => ({
  kind: 'profile.update',
  id,
  rules: { ingress: [calcRule('allow')], egress: [calcRule('allow')] },
})

export type Protocol = 'icmp' | 'tcp' | 'udp'
export interface Probe {
  readonly from: Party
  readonly to: Party
  readonly protocol?: Protocol
  readonly port?: number
  readonly version?: Version
}

async function passes({ from, to, protocol = 'icmp', port = 80, version = 4 }: Probe): Promise<boolean> {
  const ip = to.ip[version]
  if (protocol === 'icmp') return (await from.peer.ping(ip)) === 1
  return from.peer[protocol](ip, port, { timeoutMs: 400 })
}

const describe = ({ from, to, protocol = 'icmp', port = 80, version = 4 }: Probe): string =>
  `${from.peer.name} -> ${to.peer.name} ${protocol}${protocol === 'icmp' ? '' : `/${port}`} IPv${version}`

/** Waits until all probes come out so, and looks again. */
export async function expectVerdicts(wanted: 'pass' | 'drop', probes: readonly Probe[]): Promise<void> {
  const wrong = async (): Promise<string[]> => {
    const results = await Promise.all(probes.map(async (probe) => ({ probe, passed: await passes(probe) })))
    return results.filter(({ passed }) => passed !== (wanted === 'pass')).map(({ probe }) => describe(probe))
  }
  await waitFor(
    `${wanted} of ${probes.length} probes`,
    async () => {
      const list = await wrong()
      if (list.length > 0) throw new Error(`otherwise: ${list.join(', ')}`)
      return true
    },
    { pollMs: 20 },
  )
  assert.deepEqual(await wrong(), [], `${wanted} wanted, seen otherwise the second time`)
}

export const expectPass = (...probes: readonly Probe[]): Promise<void> => expectVerdicts('pass', probes)
export const expectDrop = (...probes: readonly Probe[]): Promise<void> => expectVerdicts('drop', probes)
export const bothVersions = (probe: Probe): Probe[] => VERSIONS.map((version) => ({ ...probe, version }))
