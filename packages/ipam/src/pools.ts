/** Which pools an automatic assignment may draw from. Pure. */
import { CalicoError } from '@calico-node/core'
import { cidrContains, ipVersion, type Cidr, type Ip, type IpVersion, type Resource } from '@calico-node/model'
import { labelSource, parseSelector } from '@calico-node/selector'

export type Pool = Resource<'IPPool'>
export type PoolUse = Pool['spec']['allowedUses'][number]
export type Labels = Readonly<Record<string, string>>

export interface PoolRequest {
  /** For messages: who asks. */
  readonly owner: string
  readonly version: IpVersion
  readonly use: PoolUse
  /** Only these pools, whatever they select; default: every pool that selects the node and the namespace. */
  readonly pools?: readonly Cidr[] | undefined
  /** Undefined for an owner that is no node: then every node selector holds. */
  readonly nodeLabels: Labels | undefined
  /** Labels of the workload's namespace; none when it has no namespace. */
  readonly namespaceLabels?: Labels | undefined
}

const byName = (a: Pool, b: Pool): number => (a.metadata.name < b.metadata.name ? -1 : 1)

const isEnabled = (pool: Pool): boolean => pool.spec.disabled !== true

/** Whether the pool's node selector, a broken one never, holds for these labels. */
export const selectsNode = (pool: Pool, labels: Labels): boolean => holds(pool.spec.nodeSelector, labels)

function holds(selector: string | undefined, labels: Labels): boolean {
  try {
    return parseSelector(selector ?? '').matches(labelSource(labels))
  } catch {
    return false
  }
}

/** The pool that holds `address`, enabled or not. Pools do not overlap. */
export const findPool = (pools: readonly Pool[], address: Ip | Cidr): Pool | undefined =>
  pools.find((pool) => cidrContains(pool.spec.cidr, address))

/** @throws INVALID when no enabled pool holds the address */
export function getEnabledPool(pools: readonly Pool[], ip: Ip): Pool {
  const pool = findPool(pools, ip)
  if (pool === undefined) throw new CalicoError('INVALID', `Cannot assign ${ip}: it is not in any configured pool`)
  if (isEnabled(pool)) return pool
  throw new CalicoError('INVALID', `Cannot assign ${ip}: its pool ${pool.metadata.name} is disabled`)
}

/**
 * The pools to draw from, in the order to try them.
 *
 * @throws INVALID for a requested CIDR that is no enabled pool of the IP version; NOT_FOUND when no pool is left, with the
 *   condition that none of them met
 */
export function usablePools(all: readonly Pool[], request: PoolRequest): Pool[] {
  const ofVersion = all.filter((pool) => ipVersion(pool.spec.cidr) === request.version).toSorted(byName)
  const enabled = required(ofVersion.filter(isEnabled), request, 'no pool of this IP version is enabled')
  const chosen =
    request.pools === undefined || request.pools.length === 0
      ? required(
          enabled.filter((pool) => selects(pool, request)),
          request,
          'no configured pool selects it',
        )
      : request.pools.map((cidr) => requested(enabled, cidr))
  const fit = chosen.filter((pool) => pool.spec.allowedUses.includes(request.use))
  return required(fit, request, `no pool that it may use allows the use ${request.use}`)
}

function selects(pool: Pool, { nodeLabels, namespaceLabels = {} }: PoolRequest): boolean {
  if (pool.spec.assignmentMode === 'Manual') return false
  const nodeFits = nodeLabels === undefined || selectsNode(pool, nodeLabels)
  const { namespaceSelector } = pool.spec
  return nodeFits && (namespaceSelector === undefined || holds(namespaceSelector, namespaceLabels))
}

function requested(enabled: readonly Pool[], cidr: Cidr): Pool {
  const pool = enabled.find(({ spec }) => spec.cidr === cidr)
  if (pool === undefined) throw new CalicoError('INVALID', `Cannot assign from ${cidr}: it is not an enabled IP pool`)
  return pool
}

function required(pools: Pool[], { owner, version }: PoolRequest, why: string): Pool[] {
  if (pools.length > 0) return pools
  throw new CalicoError('NOT_FOUND', `Cannot assign an IPv${version} address to ${owner}: ${why}`)
}
