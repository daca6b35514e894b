/**
 * How a container reaches the networks that it is on. Pure.
 *
 * Each endpoint of a container has a next hop of its own, 169.254.1.n and a link-local address that follows from the MAC of
 * the host's end: Docker refuses a second route to one and the same. Docker makes one of them the default. Besides, each gets
 * a route for the addresses of its network, so that what comes in by one interface is answered by the same; the host drops
 * it as spoofed otherwise. A network of all pools has those that are drawn from without being named.
 *
 * Networks that share addresses cannot be told apart, hence not be on one container.
 */
import { CalicoError } from '@calico-node/core'
import {
  cidrOverlaps,
  findCidr,
  ipVersion,
  parseIpv4,
  parseMac,
  type Cidr,
  type Ipv4,
  type Mac,
} from '@calico-node/model'
import { HOST_MAC } from '@calico-node/workload'
import { NO_GATEWAY } from './refusals.ts'

/** Another endpoint of the same container. */
export interface Sibling {
  readonly nextHop: Ipv4 | undefined
  /** Of its network, as Docker has them. */
  readonly pools: readonly string[]
}

export interface SandboxFacts {
  /** Of the endpoint's network, as Docker has them. */
  readonly pools: readonly string[]
  readonly siblings: readonly Sibling[]
  /** CIDRs of the enabled IPPools that need not be named. */
  readonly automatic: readonly Cidr[]
}

export interface SandboxPlan {
  readonly nextHop: Ipv4
  /** Of the host's end. */
  readonly mac: Mac
  /** Reached by this endpoint, beside what its default route covers. */
  readonly routes: readonly Cidr[]
}

const MOST = 254

const isAll = (pool: string): boolean => pool === NO_GATEWAY[4] || pool === NO_GATEWAY[6]

/** @throws UNSUPPORTED for a network that shares addresses with a sibling's, and for too many networks */
export function planSandbox({ pools, siblings, automatic }: SandboxFacts): SandboxPlan {
  const routes = routesOf(pools, automatic)
  const others = siblings.flatMap((sibling) => routesOf(sibling.pools, automatic))
  const shared = routes.find((route) => others.some((other) => cidrOverlaps(route, other)))
  if (shared !== undefined) {
    throw new CalicoError(
      'UNSUPPORTED',
      `Calico cannot connect a container to two networks that share addresses (${shared}): ` +
        'give one of them a pool of its own, of assignmentMode Manual, as --subnet',
    )
  }
  const taken = new Set(siblings.map(({ nextHop }) => nextHop))
  for (let n = 1; n <= MOST; n++) {
    const nextHop = parseIpv4(`169.254.1.${n}`)
    if (!taken.has(nextHop)) return { nextHop, mac: hostMac(n), routes }
  }
  throw new CalicoError('UNSUPPORTED', `Calico cannot connect a container to more than ${MOST} networks`)
}

/** The usual one for the first endpoint, so that nothing changes for containers on one network. */
function hostMac(n: number): Mac {
  const last = (0xee + n - 1) % 256
  return parseMac(`${HOST_MAC.slice(0, -2)}${last.toString(16).padStart(2, '0')}`)
}

const routesOf = (pools: readonly string[], automatic: readonly Cidr[]): Cidr[] =>
  pools.flatMap((pool) => {
    const cidr = findCidr(pool)
    if (cidr === undefined) return []
    return isAll(pool) ? automatic.filter((each) => ipVersion(each) === ipVersion(cidr)) : [cidr]
  })
