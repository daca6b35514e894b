import { CalicoError } from '@calico-node/core'
import { type Ip, type NodeResource, parseIpInterface } from '@calico-node/model'

export interface Conflict {
  readonly address: Ip
  /** The other node that has it. */
  readonly node: string
}

/** Addresses of both families that a node is reached by. */
export const addressesOf = ({ spec }: NodeResource): Ip[] =>
  [spec.bgp?.ipv4Address, spec.bgp?.ipv6Address]
    .filter((text) => text !== undefined)
    .map((text) => parseIpInterface(text).ip)

/** Another node that already has one of the addresses. Subnets do not matter, addresses do. */
export function findConflict(
  nodes: readonly NodeResource[],
  own: string,
  addresses: readonly Ip[],
): Conflict | undefined {
  for (const node of nodes) {
    if (node.metadata.name === own) continue
    const address = addressesOf(node).find((taken) => addresses.includes(taken))
    if (address !== undefined) return { address, node: node.metadata.name }
  }
  return undefined
}

/** The error names both nodes, and how to go on. */
export function conflictError(own: string, { address, node }: Conflict): CalicoError {
  const variable = address.includes(':') ? 'IP6' : 'IP'
  return new CalicoError(
    'CONFLICT',
    `Cannot use address ${address} for node "${own}": node "${node}" has it; ` +
      `give this node another one with ${variable}, or delete node "${node}" when it is gone for good`,
    { context: { address, own, other: node } },
  )
}
