/**
 * Writes this node's resource, and makes sure that no other node has its addresses.
 *
 * The check comes before the write and again after it, because two nodes may start at once: etcd puts their writes in
 * an order, so at least the later one sees the other, and takes its own write back. (A node's resource is touched
 * again only by its Felix, which starts seconds after both checks; until then its version tells when it was claimed.)
 */
import type { Logger } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { type Ip, makeResource, type NodeName, type NodeResource } from '@calico-node/model'
import { addressesOf, conflictError, findConflict } from './conflict.ts'
import { type NodeWish, nodeSpec, policyOnlySpec } from './node-spec.ts'

export interface NodeStep {
  readonly client: CalicoClient
  readonly log: Logger
  readonly name: NodeName
}

export interface ClaimRequest extends NodeStep {
  readonly wish: NodeWish
  /** What the Node is to hold when the wish cannot be had: without addresses that this host no longer has. */
  readonly fallback: NodeWish
  /** Refuse addresses of other nodes. */
  readonly check: boolean
}

type SpecOf = (existing: NodeResource['spec'] | undefined) => ReturnType<typeof nodeSpec>

/** Creates the Node, or changes the one there is; nothing is written when nothing changes. */
async function writeNode({ client, name }: NodeStep, specOf: SpecOf): Promise<NodeResource> {
  const nodes = client.resources('Node')
  await nodes.ensure(makeResource('Node', { name }, specOf(undefined)))
  const changed = await nodes.modify(name, undefined, (stored) => {
    const { spec } = makeResource('Node', { name }, specOf(stored.spec))
    const { spec: present } = makeResource('Node', { name }, stored.spec)
    return JSON.stringify(spec) === JSON.stringify(present) ? undefined : { ...stored, spec }
  })
  return changed ?? (await nodes.get(name))
}

/** In policy-only mode: the Node exists, and its BGP data is nobody's business. */
export const ensurePolicyOnlyNode = (step: NodeStep, k8sNodeRef: string | undefined): Promise<NodeResource> =>
  writeNode(step, (existing) => policyOnlySpec(existing, k8sNodeRef))

async function takeBack(
  { client, name }: NodeStep,
  written: NodeResource,
  before: NodeResource | undefined,
): Promise<void> {
  const nodes = client.resources('Node')
  const { resourceVersion } = written.metadata
  if (before === undefined)
    await nodes.delete(name, undefined, resourceVersion === undefined ? {} : { resourceVersion })
  else await nodes.modify(name, undefined, (stored) => ({ ...stored, spec: before.spec }))
}

const versionOf = ({ metadata }: NodeResource): bigint => BigInt(metadata.resourceVersion ?? 0)

/**
 * Writes the Node with the addresses of the wish.
 *
 * @throws CONFLICT naming both nodes when another one has such an address; the Node then holds what it held before,
 * or the
 *   fallback
 */
export async function claimNode(request: ClaimRequest): Promise<NodeResource> {
  const { client, log, name, wish, fallback, check } = request
  const nodes = client.resources('Node')
  const before = await nodes.find(name)
  const wanted = [wish.ipv4?.ip, wish.ipv6?.ip].filter((ip): ip is Ip => ip !== undefined)
  const held = before === undefined ? [] : addressesOf(before)
  const isNew = wanted.some((ip) => !held.includes(ip))
  if (held.length > 0 && isNew) log.warn('The address of this node changes', { node: name, from: held, to: wanted })

  const early = check && isNew ? findConflict(await nodes.list(), name, wanted) : undefined
  if (early !== undefined) {
    if (before !== undefined) await writeNode(request, (existing) => nodeSpec(existing, fallback))
    throw conflictError(name, early)
  }
  const written = await writeNode(request, (existing) => nodeSpec(existing, wish))
  const rivals = check && isNew ? (await nodes.list()).filter((node) => versionOf(node) < versionOf(written)) : []
  const late = findConflict(rivals, name, wanted)
  if (late === undefined) return written
  await takeBack(request, written, before)
  throw conflictError(name, late)
}
