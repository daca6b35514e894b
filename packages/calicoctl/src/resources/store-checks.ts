/** Rules that a document alone cannot show: they depend on what else is in the datastore. */
import { CalicoError } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import {
  BLOCK_PREFIX,
  cidrOverlaps,
  cidrPrefixLength,
  describeProblems,
  findBlockKey,
  poolOverlapProblems,
  referencesOf,
  type AnyResource,
  type IPPoolResource,
  type Kind,
  type Problem,
  type Reference,
} from '@calico-node/model'
import type { StoreView } from './store-view.ts'

async function poolProblems(client: CalicoClient, { metadata, spec }: IPPoolResource): Promise<Problem[]> {
  const pools = await client.resources('IPPool').list()
  const others = pools.map((pool) => ({ name: pool.metadata.name, cidr: pool.spec.cidr }))
  const overlaps = [...poolOverlapProblems({ name: metadata.name, cidr: spec.cidr }, others)]
  if (overlaps.length > 0) return overlaps
  const blocks = (await client.store.list(BLOCK_PREFIX)).kvs
    .map(({ key }) => findBlockKey(key))
    .filter((cidr) => cidr !== undefined)
  const odd = blocks.find((cidr) => cidrOverlaps(cidr, spec.cidr) && cidrPrefixLength(cidr) !== spec.blockSize)
  return odd === undefined
    ? []
    : [
        {
          field: 'spec.blockSize',
          value: spec.blockSize,
          reason: `must be ${cidrPrefixLength(odd)}: there is a block ${odd} already`,
        },
      ]
}

async function referenceProblems(view: StoreView, references: readonly Reference[]): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const { field, kind, name } of references) {
    const known = await view.names(kind)
    if (known.includes(name)) continue
    const choice = known.length === 0 ? 'there is none' : `there are ${known.join(', ')}`
    problems.push({ field, value: name, reason: `must be the name of a ${kind}: ${choice}` })
  }
  return problems
}

async function problemsOf(view: StoreView, resource: AnyResource, isNew: boolean): Promise<Problem[]> {
  if (resource.kind === 'IPPool') return isNew ? poolProblems(view.client, resource) : []
  // The tier of a policy that exists cannot change.
  return referenceProblems(
    view,
    referencesOf(resource).filter(({ kind }) => isNew || kind !== 'Tier'),
  )
}

const DEPENDENT: ReadonlySet<Kind> = new Set([
  'IPPool',
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'BGPPeer',
])

/** Whether resources of the kind can contradict others. */
export const dependsOnOthers = (kind: Kind): boolean => DEPENDENT.has(kind)

/** @throws INVALID with the problems in its context */
export async function checkAgainstStore(
  view: StoreView,
  resource: AnyResource,
  opts: { isNew: boolean },
): Promise<void> {
  const problems = await problemsOf(view, resource, opts.isNew)
  if (problems.length > 0) throw new CalicoError('INVALID', describeProblems(problems), { context: { problems } })
}
