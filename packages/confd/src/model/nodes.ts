import {
  parseIpInterface,
  type AsNumber,
  type CidrText,
  type Ip,
  type Ipv4,
  type NodeResource,
} from '@calico-node/model'
import { labelSource, type LabelSource } from '@calico-node/selector'
import { byName, type Facts, type Family } from './facts.ts'
import { portOf } from './settings.ts'

/** What BGP needs to know of a node. */
export interface BgpNode {
  readonly name: string
  readonly labels: LabelSource
  readonly address: Readonly<Record<Family, Ip | undefined>>
  readonly asNumber: AsNumber | undefined
  /** Set: the node is a route reflector of that cluster. */
  readonly clusterId: Ipv4 | undefined
  /** Its own listen port, where it has one. */
  readonly port: number | undefined
}

/** All nodes, in order of their names. */
export function bgpNodes(facts: Facts): ReadonlyMap<string, BgpNode> {
  return new Map(byName(facts.nodes).map(([name, node]) => [name, bgpNode(name, node, facts)]))
}

function bgpNode(name: string, node: NodeResource, facts: Facts): BgpNode {
  const { bgp } = node.spec
  return {
    name,
    labels: labelSource(node.metadata.labels ?? {}),
    address: { 4: addressOf(bgp?.ipv4Address), 6: addressOf(bgp?.ipv6Address) },
    asNumber: bgp?.asNumber || undefined,
    clusterId: bgp?.routeReflectorClusterID,
    port: portOf(facts.configurations.get(`node.${name}`)?.spec),
  }
}

const addressOf = (text: CidrText | undefined): Ip | undefined =>
  text === undefined ? undefined : parseIpInterface(text).ip
