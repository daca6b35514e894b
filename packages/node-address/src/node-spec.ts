import type { AsNumber, IpInterface, Ipv4, NodeResource, SpecInput } from '@calico-node/model'

export interface NodeWish {
  readonly ipv4: IpInterface | undefined
  readonly ipv6: IpInterface | undefined
  /** Undefined leaves what the Node has. */
  readonly asNumber: AsNumber | undefined
  /** Makes the node a route reflector; undefined leaves what the Node has. */
  readonly clusterId: Ipv4 | undefined
  readonly k8sNodeRef: string | undefined
}

type Spec = SpecInput<'Node'>
type Existing = NodeResource['spec'] | undefined

/** The spec without a change to BGP data: what policy-only mode writes. */
export const policyOnlySpec = (existing: Existing, k8sNodeRef: string | undefined): Spec => ({
  ...existing,
  ...(k8sNodeRef !== undefined && { orchRefs: [{ nodeName: k8sNodeRef, orchestrator: 'k8s' }] }),
})

/**
 * The spec that the Node should have: what it has, with the addresses and the AS number of the wish. An address that is
 * undefined is taken out. Without any BGP data there is no `bgp` at all.
 */
export function nodeSpec(existing: Existing, { ipv4, ipv6, asNumber, clusterId, k8sNodeRef }: NodeWish): Spec {
  const { ipv4Address: _old4, ipv6Address: _old6, ...others } = existing?.bgp ?? {}
  const bgp = {
    ...others,
    ...(asNumber !== undefined && { asNumber }),
    ...(clusterId !== undefined && { routeReflectorClusterID: clusterId }),
    ...(ipv4 !== undefined && { ipv4Address: ipv4.text }),
    ...(ipv6 !== undefined && { ipv6Address: ipv6.text }),
  }
  const { bgp: _bgp, ...spec } = policyOnlySpec(existing, k8sNodeRef)
  return Object.keys(bgp).length === 0 ? spec : { ...spec, bgp }
}
