import {
  asNumber,
  cidrText,
  doc,
  interfaceAddress,
  ipv4,
  ipv6,
  list,
  mac,
  object,
  oneOf,
  opt,
  text,
} from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'

export const nodeSpec = object({
  bgp: opt(
    object({
      asNumber: opt(asNumber(), 'AS number of the node.', { fallback: 'the one of BGPConfiguration "default"' }),
      ipv4Address: opt(interfaceAddress(4), 'Address of the node with its prefix length.', { fallback: 'full mask' }),
      ipv6Address: opt(interfaceAddress(6), 'IPv6 address of the node with its prefix length.'),
      ipv4IPIPTunnelAddr: opt(ipv4(), 'Address of the IP-in-IP device; set by the node.'),
      routeReflectorClusterID: opt(ipv4(), 'Makes the node a route reflector of this cluster, outside the mesh.'),
    }),
    'BGP of the node. Absent: the node takes no part in BGP.',
  ),
  ipv4VXLANTunnelAddr: opt(ipv4(), 'Address of the VXLAN device; set by the node.'),
  vxlanTunnelMACAddr: opt(mac(), 'MAC address of the VXLAN device; set by Felix.'),
  ipv6VXLANTunnelAddr: opt(ipv6(), 'Address of the IPv6 VXLAN device; set by the node.'),
  vxlanTunnelMACAddrV6: opt(mac(), 'MAC address of the IPv6 VXLAN device; set by Felix.'),
  orchRefs: opt(
    list(
      object({
        nodeName: opt(text(), 'Name that the orchestrator gives the node.'),
        orchestrator: doc(text(), 'The orchestrator: k8s, openstack, ...'),
      }),
    ),
    'What the node is called elsewhere.',
  ),
  wireguard: opt(
    object({
      interfaceIPv4Address: opt(ipv4(), 'Address of the WireGuard device.'),
      interfaceIPv6Address: opt(ipv6(), 'IPv6 address of the WireGuard device.'),
    }),
    'WireGuard; set by the node.',
  ),
  addresses: opt(
    list(
      object({
        address: doc(cidrText(), 'Address, with or without a prefix length.'),
        type: opt(oneOf('CalicoNodeIP', 'InternalIP', 'ExternalIP'), 'Where the address comes from.'),
      }),
    ),
    'All known addresses of the node.',
  ),
})

export const nodeStatus = object({
  wireguardPublicKey: opt(text(), 'Public key of the WireGuard device, base64.'),
  wireguardPublicKeyV6: opt(text(), 'Public key of the IPv6 WireGuard device, base64.'),
  podCIDRs: opt(list(text()), 'Kubernetes only.'),
})

export type NodeSpec = Output<typeof nodeSpec>
export type NodeStatus = Output<typeof nodeStatus>

export const node: KindDefinition<typeof nodeSpec, NodeSpec> = {
  plural: 'nodes',
  namespaced: false,
  aliases: ['no', 'nos'],
  summary: 'A host that runs calico/node. Its name is the host name in lower case; node selectors match its labels.',
  spec: nodeSpec,
  status: nodeStatus,
  statusAlways: true,
  checkWrite: nodeProblems,
}

function* nodeProblems({ spec }: Checked<NodeSpec>): Iterable<Problem> {
  if (spec.bgp !== undefined && Object.values(spec.bgp).every((value) => value === undefined)) {
    yield { field: 'spec.bgp', value: spec.bgp, reason: 'must say something, or be left out' }
  }
}
