/** Who uses which address, and whether IPAM knows. Pure. */
import { cidrBase, cidrContains, type Ip, type NodeResource, type WorkloadEndpointResource } from '@calico-node/model'
import { allocationsOf, type Allocation } from '../block.ts'
import { findOwner } from '../owner.ts'
import type { Pool } from '../pools.ts'
import { TUNNEL_KINDS, tunnelAddress } from '../tunnel-plan.ts'
import { borrowedFrom } from '../usage.ts'
import { problem, type IpamProblem } from './problem.ts'
import type { IpamTree } from './tree.ts'

/** Addresses in use, each with its users as words for people: `endpoint default/web`, `ipip tunnel of node-a`. */
export type Uses = ReadonlyMap<Ip, readonly string[]>

export function usesOf(endpoints: readonly WorkloadEndpointResource[], nodes: readonly NodeResource[]): Uses {
  const uses = new Map<Ip, string[]>()
  const add = (ip: Ip, user: string): void => {
    uses.set(ip, [...(uses.get(ip) ?? []), user])
  }
  for (const { metadata, spec } of endpoints) {
    for (const net of spec.ipNetworks ?? []) add(cidrBase(net), `endpoint ${metadata.namespace ?? ''}/${metadata.name}`)
  }
  for (const node of nodes) {
    for (const tunnel of TUNNEL_KINDS) {
      const ip = tunnelAddress(tunnel, node)
      if (ip !== undefined) add(ip, `${tunnel} tunnel of ${node.metadata.name}`)
    }
  }
  return uses
}

/** An assigned address and what became of it. */
export interface CheckedAllocation extends Allocation {
  readonly users: readonly string[]
  /** Held for another node than the block's owner. */
  readonly borrowed: boolean
}

export function checkedAllocations({ blocks }: IpamTree, uses: Uses): CheckedAllocation[] {
  return blocks.flatMap((block) => {
    const borrowed = new Set(borrowedFrom(block).map(({ ip }) => ip))
    return allocationsOf(block).map((held) => ({
      ...held,
      users: uses.get(held.ip) ?? [],
      borrowed: borrowed.has(held.ip),
    }))
  })
}

export function* useProblems(tree: IpamTree, uses: Uses, pools: readonly Pool[]): Iterable<IpamProblem> {
  const assigned = new Set<Ip>()
  for (const block of tree.blocks) {
    const known = findOwner(block.affinity)?.kind === 'virtual' // services are in no store of ours
    for (const { ip, handle } of allocationsOf(block)) {
      assigned.add(ip)
      if (!known && !uses.has(ip))
        yield problem('address-leaked', ip, `is assigned to ${handle ?? 'nobody in particular'} and not used`)
    }
  }
  for (const [ip, users] of uses) {
    if (users.length > 1) yield problem('address-shared', ip, `is used by ${users.join(' and ')}`)
    if (assigned.has(ip)) continue
    const inPool = pools.some(({ spec }) => spec.disabled !== true && cidrContains(spec.cidr, ip))
    const kind = inPool ? 'address-unassigned' : 'address-outside'
    yield problem(kind, ip, `is used by ${users.join(' and ')} and ${inPool ? 'not assigned' : 'in no enabled pool'}`)
  }
}
