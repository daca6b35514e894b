/** What is recorded of this host's containers beside what its Docker runs, and which of it nobody owns. Pure. */
import { hostCidr, type Ip, type WorkloadEndpointResource } from '@calico-node/model'
import type { RunningContainer } from './docker-api.ts'
import type { NetworkRecord } from './networks.ts'

export interface Survey {
  readonly endpoints: readonly WorkloadEndpointResource[]
  /** Our handles on this node, each with the addresses that it holds; none where an attempt died early. */
  readonly held: ReadonlyMap<string, readonly Ip[]>
  readonly networks: readonly NetworkRecord[]
  readonly docker: {
    readonly containers: readonly RunningContainer[]
    readonly networkIds: ReadonlySet<string>
  }
}

export interface Orphans {
  /** Docker's identifiers. */
  readonly endpoints: ReadonlySet<string>
  readonly handles: ReadonlySet<string>
  readonly networks: ReadonlySet<string>
}

/**
 * Endpoints that no running container has, handles with addresses that no other endpoint has, and networks of this host
 * alone that its Docker does not have.
 */
export function findOrphans({ endpoints, held, networks, docker }: Survey): Orphans {
  const live = new Set(docker.containers.flatMap((container) => container.endpoints))
  const inUse = new Set(
    endpoints.filter(({ spec }) => live.has(spec.endpoint)).flatMap(({ spec }) => spec.ipNetworks ?? []),
  )
  return {
    endpoints: new Set(endpoints.map(({ spec }) => spec.endpoint).filter((id) => !live.has(id))),
    handles: new Set(
      [...held].filter(([, ips]) => !ips.some((ip) => inUse.has(hostCidr(ip)))).map(([handle]) => handle),
    ),
    // One of all hosts may be missing in a Docker whose cluster store is away.
    networks: new Set(
      networks.filter(({ id, scope }) => scope === 'local' && !docker.networkIds.has(id)).map(({ id }) => id),
    ),
  }
}

/** What is an orphan at both times. */
export const stillOrphans = (before: Orphans, now: Orphans): Orphans => ({
  endpoints: before.endpoints.intersection(now.endpoints),
  handles: before.handles.intersection(now.handles),
  networks: before.networks.intersection(now.networks),
})

export const isEmpty = ({ endpoints, handles, networks }: Orphans): boolean =>
  endpoints.size + handles.size + networks.size === 0
