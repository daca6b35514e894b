/**
 * The tunnel addresses of all nodes, and whose an address is that several nodes name: the node that IPAM gave it to, else
 * the first by name. The others count as having none, so that no two ways lead to one address.
 */
import type { Cidr, Ip, NodeName } from '@calico-node/model'
import { Claims } from './claims.ts'
import { TUNNEL_KINDS } from './encapsulation.ts'
import { Groups } from './groups.ts'
import type { TunnelAddress } from './inputs.ts'
import type { TunnelKind } from './messages.ts'

type EndKey = `${TunnelKind} ${Ip}`
const keyOf = ({ kind, ip }: TunnelAddress): EndKey => `${kind} ${ip}`

export class TunnelEnds {
  readonly #ofNode = new Map<NodeName, readonly TunnelAddress[]>()
  readonly #nodesOf = new Groups<EndKey, NodeName>()
  /** Whom IPAM gave an address to. */
  readonly #holders = new Claims<Ip, NodeName>()

  /** @returns The nodes for which something may have changed, this one included. */
  setNode(node: NodeName, ends: readonly TunnelAddress[]): ReadonlySet<NodeName> {
    const before = this.#ofNode.get(node) ?? []
    const touched = new Set([node, ...this.#rivals(before)])
    for (const end of before) this.#nodesOf.delete(keyOf(end), node)
    for (const end of ends) this.#nodesOf.add(keyOf(end), node)
    if (ends.length === 0) this.#ofNode.delete(node)
    else this.#ofNode.set(node, ends)
    for (const rival of this.#rivals(ends)) touched.add(rival)
    return touched
  }

  /**
   * Whom IPAM gave an address to, according to a block; undefined: the block says nothing any more.
   *
   * @returns The nodes for which something may have changed.
   */
  setHolder(ip: Ip, block: Cidr, node: NodeName | undefined): ReadonlySet<NodeName> {
    this.#holders.set(ip, block, node)
    return new Set(TUNNEL_KINDS.flatMap((kind) => [...this.#nodesOf.of(keyOf({ kind, ip }))]))
  }

  /** The address of a node's end of such a tunnel; undefined when it has none, or another node has it. */
  find(node: NodeName, kind: TunnelKind): TunnelAddress | undefined {
    const end = this.#ofNode.get(node)?.find((each) => each.kind === kind)
    return end !== undefined && this.#ownerOf(end) === node ? end : undefined
  }

  /** The addresses that a node names, whoever they belong to. */
  named(node: NodeName): readonly TunnelAddress[] {
    return this.#ofNode.get(node) ?? []
  }

  /** Nodes that name this address, when there are several: the one that has it first. */
  rivals(end: TunnelAddress): readonly NodeName[] {
    const nodes = this.#nodesOf.of(keyOf(end))
    const owner = this.#ownerOf(end)
    return nodes.size < 2 || owner === undefined
      ? []
      : [owner, ...[...nodes].filter((node) => node !== owner).toSorted()]
  }

  #ownerOf(end: TunnelAddress): NodeName | undefined {
    const nodes = this.#nodesOf.of(keyOf(end))
    const holder = this.#holders.of(end.ip)
    return holder !== undefined && nodes.has(holder) ? holder : [...nodes].toSorted()[0]
  }

  #rivals(ends: readonly TunnelAddress[]): NodeName[] {
    return ends.flatMap((end) => [...this.#nodesOf.of(keyOf(end))])
  }
}
