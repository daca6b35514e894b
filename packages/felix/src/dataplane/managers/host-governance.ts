/** Which host endpoint governs which interface, and what to say of each endpoint. Pure. */
import type { Link } from '@calico-node/linux'
import type { Ip } from '@calico-node/model'
import type { EndpointState, HostEndpoint } from '../../calc/messages.ts'

/** Interfaces of the host; those of workloads are none of them. */
export interface HostInterfaces {
  readonly links: ReadonlyMap<string, Link>
  readonly addresses: ReadonlyMap<string, ReadonlySet<Ip>>
  readonly isWorkload: (name: string) => boolean
}

export interface HostGovernance {
  readonly byInterface: ReadonlyMap<string, HostEndpoint>
  readonly others?: HostEndpoint
}

/**
 * An endpoint claims the interface that it names, or, naming none, those that hold an address it expects. Where several
 * claim one interface, or all interfaces, the first by name has it. A named interface counts before it exists, so that it
 * is never there without its policy.
 */
export function governHost(endpoints: Iterable<HostEndpoint>, interfaces: HostInterfaces): HostGovernance {
  const byInterface = new Map<string, HostEndpoint>()
  let others: HostEndpoint | undefined
  for (const endpoint of [...endpoints].toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (endpoint.interfaceName === '*') others ??= endpoint
    for (const name of claimsOf(endpoint, interfaces)) if (!byInterface.has(name)) byInterface.set(name, endpoint)
  }
  return { byInterface, ...(others !== undefined && { others }) }
}

function claimsOf({ interfaceName, expectedIps }: HostEndpoint, { addresses, isWorkload }: HostInterfaces): string[] {
  if (interfaceName === '*') return []
  if (interfaceName !== undefined) return isWorkload(interfaceName) ? [] : [interfaceName]
  return [...addresses].filter(([, held]) => expectedIps.some((ip) => held.has(ip))).map(([name]) => name)
}

/** An endpoint that governs nothing is in error; it is down as long as one of its interfaces is. */
export function hostEndpointState(
  endpoint: HostEndpoint,
  { byInterface, others }: HostGovernance,
  { links }: HostInterfaces,
): EndpointState {
  if (endpoint === others) return 'up'
  const governed = [...byInterface].filter(([, each]) => each === endpoint).flatMap(([name]) => links.get(name) ?? [])
  if (governed.length === 0) return 'error'
  return governed.every(({ operUp }) => operUp) ? 'up' : 'down'
}
