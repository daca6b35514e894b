import type { CalicoClient } from '@calico-node/datastore'
import { treeProblems } from './invariants.ts'
import type { IpamProblem } from './problem.ts'
import { IPAM_PREFIX, parseTree } from './tree.ts'
import { checkedAllocations, useProblems, usesOf, type CheckedAllocation } from './uses.ts'

export interface IpamReport {
  readonly problems: readonly IpamProblem[]
  /** Every assigned address, in order of blocks. */
  readonly allocations: readonly CheckedAllocation[]
  /** Handles without an address, with the revision that a deletion has to compare with. */
  readonly leakedHandles: readonly { readonly handle: string; readonly modRevision: bigint }[]
  readonly counts: {
    readonly pools: number
    readonly blocks: number
    readonly handles: number
    readonly endpoints: number
    readonly nodes: number
    readonly addressesInUse: number
  }
}

/**
 * Proves, or disproves, that IPAM's records agree with one another and with the endpoints and nodes that use addresses.
 *
 * IPAM's records are read at one moment, the users before it: an address that is assigned while this runs may show up as
 * leaked, one that is released as unassigned. Run it again before acting on such a finding.
 */
export async function checkIpam(client: CalicoClient): Promise<IpamReport> {
  const pools = await client.resources('IPPool').list()
  const nodes = await client.resources('Node').list()
  const endpoints = await client.resources('WorkloadEndpoint').list()
  const tree = parseTree((await client.store.list(IPAM_PREFIX)).kvs)
  const uses = usesOf(endpoints, nodes)
  const problems = [...treeProblems(tree, pools), ...useProblems(tree, uses, pools)]
  const leaked = new Set(problems.filter(({ kind }) => kind === 'handle-leaked').map(({ subject }) => subject))
  return {
    problems,
    allocations: checkedAllocations(tree, uses),
    leakedHandles: [...tree.handles].flatMap(([handle, { modRevision }]) =>
      leaked.has(handle) ? [{ handle, modRevision }] : [],
    ),
    counts: {
      pools: pools.length,
      blocks: tree.blocks.length,
      handles: tree.handles.size,
      endpoints: endpoints.length,
      nodes: nodes.length,
      addressesInUse: uses.size,
    },
  }
}
