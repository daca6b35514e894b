/** From resources and the name of an interface to what the reference semantics want to know. */
import { type Ip, type Resource } from '@calico-node/model'
import {
  evaluate,
  type Failsafe,
  type HostFacts,
  type Packet,
  type Place,
  type Verdict,
  World,
} from '@calico-node/policy'

/** An end of a flow as seen from the host: itself, or what lies beyond an interface of it. */
export const HOST = 'host'

export interface HostSetting {
  readonly node: string
  /** The interface that leads outside, and its addresses. */
  readonly uplink: string
  readonly ips: readonly Ip[]
  /** Default: Felix's own. */
  readonly endpointToHostAction?: HostFacts['endpointToHostAction']
  readonly failsafe?: { readonly inbound: readonly Failsafe[]; readonly outbound: readonly Failsafe[] }
}

const on = (protocol: 'tcp' | 'udp', ...ports: readonly number[]): Failsafe[] =>
  ports.map((port) => ({ protocol, port }))
const CONTROL_PLANE = on('tcp', 179, 2379, 2380, 5473, 6443, 6666, 6667)

/** A host with Felix's defaults, besides what is given. */
export function hostFacts({ node, uplink, ips, endpointToHostAction = 'Drop', failsafe }: HostSetting): HostFacts {
  return {
    node,
    interfaces: new Map([[uplink, ips]]),
    endpointToHostAction,
    failsafeInbound: failsafe?.inbound ?? [...on('tcp', 22), ...CONTROL_PLANE, ...on('udp', 68)],
    failsafeOutbound: failsafe?.outbound ?? [...CONTROL_PLANE, ...on('udp', 53, 67)],
    vxlanPort: 4789,
  }
}

/** Answers questions about one state of the resources. */
export class Reference {
  readonly #world: World
  readonly #host: HostFacts

  constructor(resources: readonly Resource[], host: HostFacts) {
    this.#world = new World(resources)
    this.#host = host
  }

  ask(packet: Packet, from: string, to: string): Verdict {
    return evaluate({ world: this.#world, host: this.#host, packet, from: this.#place(from), to: this.#place(to) })
  }

  #place(name: string): Place {
    if (name === HOST) return { kind: 'host' }
    if (this.#host.interfaces.has(name)) return { kind: 'outside', interfaceName: name }
    const endpoint = this.#world.endpoints.find(
      ({ kind, node, interfaceName }) => kind === 'workload' && node === this.#host.node && interfaceName === name,
    )
    return endpoint === undefined
      ? { kind: 'unknown-workload', interfaceName: name }
      : { kind: 'workload', endpoint: endpoint.name }
  }
}
