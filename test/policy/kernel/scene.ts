/** One host under Felix, with workloads a, b, c, ... and an outside, where packets can be fired at what resources say. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { sleep } from '@calico-node/core'
import { hostCidr, isIpv4, makeResource, parseIp, type Resource, type SpecInput } from '@calico-node/model'
import type { Verdict } from '@calico-node/policy'
import { hostFacts, type HostSetting, Reference } from '../questions.ts'
import { FelixNode, type Variant } from './felix-node.ts'
import { forgetFlows } from './flows.ts'
import { type Addresses, HOST_IPS, type Shot, UPLINK, Wires } from './wires.ts'

export const NODE = 'n1'

export interface SceneOptions {
  readonly variant: Variant
  /** Names of one letter. */
  readonly workloads: readonly string[]
  /** Interfaces named as workloads' are, that stay without an endpoint. */
  readonly strangers?: readonly string[]
  readonly endpointToHostAction?: NonNullable<HostSetting['endpointToHostAction']>
  /** Further parameters of Felix. */
  readonly env?: Readonly<Record<string, string>>
}

export const interfaceOf = (workload: string): string => `cali${workload}`

export function addressesOf(workload: string): Addresses {
  const number = workload.charCodeAt(0) - 'a'.charCodeAt(0) + 1
  return [parseIp(`10.65.0.${number}`), parseIp(`fd00:65::${number.toString(16)}`)]
}

/** The endpoint of a workload of the scene, with both addresses. */
export const endpointOf = (
  workload: string,
  {
    namespace = 'default',
    labels = {},
  }: { readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> } = {},
  spec: Partial<SpecInput<'WorkloadEndpoint'>> = {},
): Resource =>
  makeResource(
    'WorkloadEndpoint',
    {
      namespace,
      labels: { ...labels, 'projectcalico.org/namespace': namespace, 'projectcalico.org/orchestrator': 'test' },
    },
    {
      orchestrator: 'test',
      workload,
      node: NODE,
      endpoint: 'eth0',
      interfaceName: interfaceOf(workload),
      ipNetworks: addressesOf(workload).map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`),
      ...spec,
    },
  )

/** The kernel and the reference say different things about a packet. */
export interface Mismatch {
  readonly shot: Shot
  readonly kernel: 'allow' | 'deny'
  readonly reference: Verdict
}
export interface Comparison {
  readonly verdicts: readonly Verdict[]
  readonly mismatches: readonly Mismatch[]
  /** How many agreed only at a later look. */
  readonly late: number
}

/** So long a difference may last before it counts. */
const PATIENCE_MS = 5000

export class Scene {
  readonly felix: FelixNode
  readonly wires: Wires
  readonly #variant: Variant
  readonly #workloads: readonly string[]
  readonly #facts

  private constructor(
    felix: FelixNode,
    wires: Wires,
    { variant, workloads, endpointToHostAction = 'Drop' }: SceneOptions,
  ) {
    this.felix = felix
    this.wires = wires
    this.#variant = variant
    this.#workloads = workloads
    this.#facts = hostFacts({
      node: NODE,
      uplink: UPLINK,
      ips: HOST_IPS,
      endpointToHostAction,
      failsafe: felix.failsafe,
    })
  }

  /** Felix is not running yet. */
  static async create(options: SceneOptions): Promise<Scene> {
    const { variant, workloads, strangers = [], endpointToHostAction = 'Drop' } = options
    const wires = await Wires.create()
    for (const name of [...workloads.map(interfaceOf), ...strangers]) wires.addInterface(name)
    for (const workload of workloads) {
      for (const ip of addressesOf(workload)) wires.addNeighbour(interfaceOf(workload), ip)
    }
    const env = { ...options.env, FELIX_DEFAULTENDPOINTTOHOSTACTION: endpointToHostAction }
    return new Scene(await FelixNode.create({ node: NODE, variant, env }), wires, options)
  }

  /** Starts Felix with these resources in place. */
  async start(resources: readonly Resource[]): Promise<void> {
    await this.felix.put(resources)
    this.felix.startFelix()
    await this.felix.inSync()
  }

  /**
   * The resources become these while Felix is away; it comes back without a memory. What goes meanwhile takes its routes along, as
   * a container does with its interface: Felix itself would leave routes that it does not know alone for a while.
   */
  async restart(resources: readonly Resource[]): Promise<void> {
    await this.felix.killFelix()
    const kept = new Set(
      resources.flatMap((item) => (item.kind === 'WorkloadEndpoint' ? (item.spec.ipNetworks ?? []) : [])),
    )
    const gone = this.#workloads.flatMap(addressesOf).filter((ip) => !kept.has(hostCidr(ip)))
    for (const ip of gone) execFileSync('ip', [isIpv4(ip) ? '-4' : '-6', 'route', 'flush', hostCidr(ip)])
    await this.start(resources)
  }

  referenceFor(resources: readonly Resource[]): Reference {
    return new Reference(resources, this.#facts)
  }

  /** What both say about each packet, once they agree or enough time has passed. */
  async compare(resources: readonly Resource[], shots: readonly Shot[], patienceMs = PATIENCE_MS): Promise<Comparison> {
    const reference = this.referenceFor(resources)
    const verdicts = shots.map(({ packet, from, to }) => reference.ask(packet, from, to))
    const different = async (among: readonly number[]): Promise<number[]> => {
      const passed = await this.wires.fire(among.flatMap((index) => shots[index] ?? []))
      return among.filter((index, at) => (verdicts[index]?.action === 'allow') !== passed[at])
    }
    forgetFlows()
    const atFirst = await different([...shots.keys()])
    let still = atFirst
    const end = performance.now() + patienceMs
    while (still.length > 0 && performance.now() < end) {
      await sleep(200)
      forgetFlows()
      still = await different(still)
    }
    const mismatches = still.flatMap((index): Mismatch[] => {
      const [shot, verdict] = [shots[index], verdicts[index]]
      return shot && verdict
        ? [{ shot, reference: verdict, kernel: verdict.action === 'allow' ? 'deny' : 'allow' }]
        : []
    })
    return { verdicts, mismatches, late: atFirst.length - still.length }
  }

  /** Notes what the kernel holds and what Felix said. @returns The file, below out/ */
  writeState(name: string): string {
    const commands = [
      ...['iptables', 'ip6tables'].map((tool) => `${tool}-${this.#variant}-save -c`),
      ...['', '-6'].flatMap((version) => [`ip ${version} route`, `ip ${version} neigh`, `ip ${version} addr`]),
      'ipset save',
      'conntrack -L',
      'conntrack -L -f ipv6',
    ]
    const state = execFileSync('sh', ['-c', commands.map((each) => `echo "== ${each}"; ${each}`).join('; ')], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    })
    const file = resolve(import.meta.dirname, `../../../out/${name}.txt`)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${state}== Felix\n${this.felix.log}`)
    return file
  }

  async stop(): Promise<void> {
    await this.felix.stop()
    this.wires.stop()
  }
}
