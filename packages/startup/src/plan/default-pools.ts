import {
  type Cidr,
  cidrContains,
  cidrOverlaps,
  ipVersion,
  parseCidr,
  type IpInterface,
  type SpecInput,
} from '@calico-node/model'
import type { StartupConfig } from '../config/resolve.ts'

/** A pool to create. */
export interface PlannedPool {
  readonly name: string
  readonly spec: SpecInput<'IPPool'> & { readonly cidr: Cidr }
}

export interface PoolInput {
  readonly config: StartupConfig
  /** CIDRs of all pools that exist. */
  readonly existing: readonly Cidr[]
  /** Every address of this host, whichever interface it is on. */
  readonly hostAddresses: readonly IpInterface[]
  /** The kernel speaks IPv6. */
  readonly ipv6Available: boolean
}

const FIRST_CHOICE: Readonly<Record<4 | 6, Cidr>> = {
  4: parseCidr('192.168.0.0/16'),
  6: parseCidr('fd80:24e2:f998:72d6::/64'),
}
const ALTERNATIVES: readonly Cidr[] = Array.from({ length: 16 }, (_, i) => parseCidr(`172.${16 + i}.0.0/16`))

/** Free of this host's own subnets, so that no workload gets an address that the host takes for a neighbour. */
const isFree = (cidr: Cidr, hosts: readonly IpInterface[]): boolean =>
  !hosts.some((host) => cidrContains(cidr, host.ip) || (host.prefixLength > 0 && cidrOverlaps(cidr, host.cidr)))

/**
 * The pool network when none was asked for. IPv4 gives way to the host's own networks; when everything is taken, and
 * for IPv6, whose default nobody else uses, the first choice stands.
 */
export function defaultPoolCidr(version: 4 | 6, hosts: readonly IpInterface[]): Cidr {
  const first = FIRST_CHOICE[version]
  const sameFamily = hosts.filter((host) => ipVersion(host.ip) === version)
  const options = version === 4 ? [first, ...ALTERNATIVES] : [first]
  return options.find((cidr) => isFree(cidr, sameFamily)) ?? first
}

function plannedPool(version: 4 | 6, cidr: Cidr, config: StartupConfig): PlannedPool {
  const family = `CALICO_IPV${version}POOL` as const
  return {
    name: `default-ipv${version}-ippool`,
    spec: {
      cidr,
      blockSize: config[`${family}_BLOCK_SIZE`],
      ipipMode: version === 4 ? config.CALICO_IPV4POOL_IPIP : 'Never',
      vxlanMode: config[`${family}_VXLAN`],
      natOutgoing: config[`${family}_NAT_OUTGOING`],
      nodeSelector: config[`${family}_NODE_SELECTOR`],
      ...(config[`${family}_DISABLE_BGP_EXPORT`] && { disableBGPExport: true }),
    },
  }
}

/** The pools to create: one for each family that has none, unless the environment says otherwise. */
export function planDefaultPools({ config, existing, hostAddresses, ipv6Available }: PoolInput): PlannedPool[] {
  if (config.NO_DEFAULT_POOLS) return []
  const families = [4, 6] as const
  return families.flatMap((version) => {
    const wanted = config[`CALICO_IPV${version}POOL_CIDR`]
    if (wanted === 'none' || existing.some((cidr) => ipVersion(cidr) === version)) return []
    if (version === 6 && (!ipv6Available || !config.FELIX_IPV6SUPPORT)) return []
    return [plannedPool(version, wanted ?? defaultPoolCidr(version, hostAddresses), config)]
  })
}
