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
  type AnyResource,
  type IPPoolResource,
  type Kind,
  type Problem,
} from '@calico-node/model'

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

async function tierProblems(client: CalicoClient, tier: string): Promise<Problem[]> {
  const tiers = (await client.resources('Tier').list()).map(({ metadata }) => metadata.name)
  return tiers.includes(tier)
    ? []
    : [{ field: 'spec.tier', value: tier, reason: `must exist: there are ${tiers.join(', ')}` }]
}

async function filterProblems(client: CalicoClient, filters: readonly string[]): Promise<Problem[]> {
  if (filters.length === 0) return []
  const known = new Set((await client.resources('BGPFilter').list()).map(({ metadata }) => metadata.name))
  return filters.flatMap((filter, i) =>
    known.has(filter)
      ? []
      : [{ field: `spec.filters[${i}]`, value: filter, reason: 'must be the name of a BGPFilter' }],
  )
}

async function problemsOf(client: CalicoClient, resource: AnyResource, isNew: boolean): Promise<Problem[]> {
  switch (resource.kind) {
    case 'IPPool':
      return isNew ? poolProblems(client, resource) : []
    case 'GlobalNetworkPolicy':
    case 'NetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
    case 'StagedNetworkPolicy':
      return isNew ? tierProblems(client, resource.spec.tier ?? 'default') : []
    case 'BGPPeer':
      return filterProblems(client, resource.spec.filters ?? [])
    default:
      return []
  }
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
  client: CalicoClient,
  resource: AnyResource,
  opts: { isNew: boolean },
): Promise<void> {
  const problems = await problemsOf(client, resource, opts.isNew)
  if (problems.length > 0) throw new CalicoError('INVALID', describeProblems(problems), { context: { problems } })
}
