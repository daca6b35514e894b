import type { Ip } from '@calico-node/model'

/** The first packet of a flow. Numbers are those of IP: protocol 6 is TCP; ports belong to TCP, UDP and SCTP. */
export interface Packet {
  readonly source: Ip
  readonly destination: Ip
  readonly protocol: number
  readonly sourcePort?: number
  readonly destinationPort?: number
  readonly icmp?: { readonly type: number; readonly code: number }
}

/** Where a packet enters or leaves the host that is asked. */
export type Place =
  | { readonly kind: 'workload'; readonly endpoint: string }
  /** An interface named as workloads' are, without an endpoint. */
  | { readonly kind: 'unknown-workload'; readonly interfaceName: string }
  /** The host itself. */
  | { readonly kind: 'host' }
  /** Beyond an interface of the host that is no workload's. */
  | { readonly kind: 'outside'; readonly interfaceName: string }
