/** What one tunnel needs of the kernel. Pure. */
import { type ForwardingEntry, type Neighbour, TUNNEL_DEVICES, type TunnelDevice } from '@calico-node/linux'
import type { LocalTunnel, RemoteTunnelEnd, TunnelKind } from '../../calc/messages.ts'

export interface VxlanSettings {
  readonly vni: number
  readonly port: number
}

export interface DeviceFacts {
  /** The interface that holds this node's address. */
  readonly parent: string | undefined
  readonly mtuBytes: number
  readonly vxlan: VxlanSettings
}

/** Undefined while there is nothing to build it on. */
export function tunnelDevice(
  { kind, nodeIp, address, mac }: LocalTunnel,
  { parent, mtuBytes, vxlan }: DeviceFacts,
): TunnelDevice | undefined {
  const device = { name: TUNNEL_DEVICES[kind], mtuBytes, ...(address !== undefined && { address }) }
  if (kind === 'ipip') return device
  return parent === undefined || mac === undefined
    ? undefined
    : { ...device, vxlan: { ...vxlan, parent, local: nodeIp, mac } }
}

/** How the device finds the other end without asking. */
export const neighbourOf = ({ kind, gateway, mac }: RemoteTunnelEnd): Neighbour => ({
  dev: TUNNEL_DEVICES[kind],
  ip: gateway,
  mac,
})
export const forwardingOf = ({ kind, mac, nodeIp }: RemoteTunnelEnd): ForwardingEntry => ({
  dev: TUNNEL_DEVICES[kind],
  mac,
  host: nodeIp,
})

export const ALL_TUNNELS: readonly TunnelKind[] = ['vxlan', 'vxlan-v6', 'ipip']
export const isOfVersion = (kind: TunnelKind, version: 4 | 6): boolean => (kind === 'vxlan-v6') === (version === 6)
