/**
 * Whether the first packet of a connection gets from one place to another, over the one or two hosts on its way.
 * Pure: it asks the reference semantics of policy once per host.
 */
import type { Ip } from '@calico-node/model'
import { evaluate, type HostFacts, type Packet, type Place, type Stage, type World } from '@calico-node/policy'

/** An end of a connection. */
export interface End {
  readonly kind: 'workload' | 'host' | 'outside'
  readonly ip: Ip
  /** Name for people. */
  readonly label: string
  /** `namespace/name` of the WorkloadEndpoint. */
  readonly endpoint?: string
  /** Where it is; absent for what is outside. */
  readonly node?: string
}

export interface Flow {
  readonly from: End
  readonly to: End
  readonly protocol: number
  readonly destinationPort?: number
  readonly sourcePort?: number
  readonly icmp?: { readonly type: number; readonly code: number }
}

/** What one host says. */
export interface HostVerdict {
  readonly node: string
  readonly action: 'allow' | 'deny'
  readonly stages: readonly Stage[]
}

export interface FlowVerdict {
  readonly action: 'allow' | 'deny'
  /** In the order in which the packet meets them; what comes after a denial is left out. */
  readonly hosts: readonly HostVerdict[]
}

/** What the verdict depends on besides the resources. */
export interface Surroundings {
  /** Facts of a node. */
  readonly facts: (node: string) => HostFacts
  /** The interface by which packets enter and leave a node. */
  readonly uplink: (node: string) => string
}

function packetOf({ from, to, protocol, destinationPort, sourcePort, icmp }: Flow): Packet {
  return {
    source: from.ip,
    destination: to.ip,
    protocol,
    ...(destinationPort !== undefined && { destinationPort }),
    ...(sourcePort !== undefined && { sourcePort }),
    ...(icmp !== undefined && { icmp }),
  }
}

/** Where the packet enters or leaves `node`, seen from there. */
function placeOn(node: string, end: End, { uplink }: Surroundings): Place {
  if (end.node !== node) return { kind: 'outside', interfaceName: uplink(node) }
  return end.kind === 'workload' && end.endpoint !== undefined
    ? { kind: 'workload', endpoint: end.endpoint }
    : { kind: 'host' }
}

/** Nodes on the way whose policy counts, in order. Between two ends that are no node's there are none. */
const nodesOf = ({ from, to }: Flow): string[] => [
  ...new Set([from.node, to.node].filter((node) => node !== undefined)),
]

export function judge(world: World, flow: Flow, surroundings: Surroundings): FlowVerdict {
  const hosts: HostVerdict[] = []
  for (const node of nodesOf(flow)) {
    const { action, stages } = evaluate({
      world,
      host: surroundings.facts(node),
      packet: packetOf(flow),
      from: placeOn(node, flow.from, surroundings),
      to: placeOn(node, flow.to, surroundings),
    })
    hosts.push({ node, action, stages })
    if (action === 'deny') return { action, hosts }
  }
  return { action: 'allow', hosts }
}
