import { cidrOverlaps, cidrPrefixLength, ipVersion, parseCidr, type Cidr } from '../address/cidr.ts'
import { doc, flag, integer, list, masked, object, oneOf, opt, selector } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'

const DEFAULT_BLOCK_SIZE = { 4: 26, 6: 122 } as const
const BLOCK_SIZES = { 4: { min: 20, max: 32 }, 6: { min: 116, max: 128 } } as const
const LINK_LOCAL = [parseCidr('169.254.0.0/16'), parseCidr('fe80::/10')]

const mode = () => oneOf('Never', 'Always', 'CrossSubnet')

export const ipPoolSpec = object({
  cidr: doc(masked(), 'The addresses of the pool. Cannot be changed.'),
  vxlanMode: doc(mode().default('Never'), 'Whether traffic to workloads on other nodes is put into VXLAN.'),
  ipipMode: doc(
    mode().default('Never'),
    'Whether traffic to workloads on other nodes is put into IP-in-IP (IPv4 only).',
  ),
  natOutgoing: opt(flag(), 'Masquerade traffic from the pool to addresses outside all pools.'),
  disabled: opt(flag(), 'Assign no more addresses from the pool.'),
  disableBGPExport: opt(flag(), 'Do not announce the pool by BGP.'),
  blockSize: opt(integer(0, 128), 'Prefix length of the blocks that nodes take addresses from. Cannot be changed.', {
    rule: '20 to 32 for IPv4, 116 to 128 for IPv6',
    fallback: '26 for IPv4, 122 for IPv6',
    omitZero: true,
  }),
  nodeSelector: doc(selector({ allowGlobal: true }).default('all()'), 'Nodes that may take addresses from the pool.'),
  allowedUses: doc(
    list(oneOf('Workload', 'Tunnel', 'LoadBalancer')).default(['Workload', 'Tunnel']),
    'What the addresses are for. LoadBalancer excludes the others.',
  ),
  assignmentMode: doc(
    oneOf('Automatic', 'Manual').default('Automatic'),
    'Manual: addresses come from the pool only when it is asked for.',
  ),
  namespaceSelector: opt(
    selector({ allowGlobal: true }),
    'Namespaces whose workloads may take addresses from the pool.',
  ),
}).transform((spec) => ({ ...spec, blockSize: spec.blockSize || DEFAULT_BLOCK_SIZE[ipVersion(spec.cidr)] }))

export type IPPoolSpec = Output<typeof ipPoolSpec>

export const ipPool: KindDefinition<typeof ipPoolSpec, IPPoolSpec> = {
  plural: 'ippools',
  namespaced: false,
  aliases: ['ipp', 'ipps', 'pool', 'pools'],
  summary: 'A range of addresses that workloads, tunnels and load balancers get theirs from.',
  spec: ipPoolSpec,
  check: poolProblems,
  checkWrite: newPoolProblems,
  checkChange: changeProblems,
}

function* poolProblems({ spec }: Checked<IPPoolSpec>): Iterable<Problem> {
  const version = ipVersion(spec.cidr)
  const { min, max } = BLOCK_SIZES[version]
  if (spec.blockSize < min || spec.blockSize > max) {
    yield {
      field: 'spec.blockSize',
      value: spec.blockSize,
      reason: `must be from ${min} to ${max} for an IPv${version} pool`,
    }
  }
  if (version === 6 && spec.ipipMode !== 'Never') {
    yield { field: 'spec.ipipMode', value: spec.ipipMode, reason: 'must be Never for an IPv6 pool' }
  }
  if (spec.ipipMode !== 'Never' && spec.vxlanMode !== 'Never') {
    yield {
      field: 'spec.ipipMode',
      value: spec.ipipMode,
      reason: `cannot go together with vxlanMode ${spec.vxlanMode}`,
    }
  }
}

function* newPoolProblems({ spec }: Checked<IPPoolSpec>): Iterable<Problem> {
  if (spec.disabled !== true && cidrPrefixLength(spec.cidr) > spec.blockSize) {
    yield {
      field: 'spec.cidr',
      value: spec.cidr,
      reason: `must be at least as large as one block of /${spec.blockSize}`,
    }
  }
  const reserved = LINK_LOCAL.find((range) => cidrOverlaps(range, spec.cidr))
  if (reserved !== undefined) {
    yield { field: 'spec.cidr', value: spec.cidr, reason: `must not overlap the link-local range ${reserved}` }
  }
  if (spec.allowedUses.includes('LoadBalancer')) yield* loadBalancerProblems(spec)
}

function* loadBalancerProblems(spec: IPPoolSpec): Iterable<Problem> {
  const { allowedUses, nodeSelector, ipipMode, vxlanMode, disableBGPExport } = spec
  if (allowedUses.some((use) => use !== 'LoadBalancer')) {
    yield { field: 'spec.allowedUses', value: allowedUses, reason: 'must name nothing beside LoadBalancer' }
  }
  if (nodeSelector !== 'all()') {
    yield { field: 'spec.nodeSelector', value: nodeSelector, reason: 'must be all() in a pool for load balancers' }
  }
  for (const [field, value] of [
    ['spec.ipipMode', ipipMode],
    ['spec.vxlanMode', vxlanMode],
  ] as const) {
    if (value !== 'Never') yield { field, value, reason: 'must be Never in a pool for load balancers' }
  }
  if (disableBGPExport === true) {
    yield { field: 'spec.disableBGPExport', value: true, reason: 'must not be set in a pool for load balancers' }
  }
}

/** Blocks were cut by these fields, and nodes rely on the use. */
function* changeProblems(next: IPPoolSpec, stored: IPPoolSpec): Iterable<Problem> {
  for (const key of ['cidr', 'blockSize'] as const) {
    if (next[key] !== stored[key])
      yield { field: `spec.${key}`, value: next[key], reason: `cannot be changed from ${stored[key]}` }
  }
  if (stored.allowedUses.includes('LoadBalancer') && !next.allowedUses.includes('LoadBalancer')) {
    yield { field: 'spec.allowedUses', value: next.allowedUses, reason: 'cannot be changed from LoadBalancer' }
  }
}

/** What forbids a new pool beside the existing ones: addresses in two pools would be assigned twice. */
export function* poolOverlapProblems(
  pool: { readonly name: string; readonly cidr: Cidr },
  others: Iterable<{ readonly name: string; readonly cidr: Cidr }>,
): Iterable<Problem> {
  for (const other of others) {
    if (other.name !== pool.name && cidrOverlaps(other.cidr, pool.cidr)) {
      yield { field: 'spec.cidr', value: pool.cidr, reason: `must not overlap ${other.cidr} of pool "${other.name}"` }
    }
  }
}
