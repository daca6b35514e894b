/** Endpoints as the documents' commands name them, and the profiles on them. */
import { CalicoError } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import { parseResourceName, type ResourceName, type WorkloadEndpointResource } from '@calico-node/model'
import { getProfile } from './profiles.ts'

export interface EndpointFilter {
  readonly node?: string | undefined
  readonly orchestrator?: string | undefined
  readonly workload?: string | undefined
  readonly endpoint?: string | undefined
}

/** The workload's identity within its orchestrator, whichever field it has. */
export const workloadOf = ({ spec }: WorkloadEndpointResource): string =>
  spec.workload ?? spec.containerID ?? spec.pod ?? ''

/** Endpoints of all namespaces that match every given part. */
export async function findEndpoints(client: CalicoClient, filter: EndpointFilter): Promise<WorkloadEndpointResource[]> {
  const same = (wanted: string | undefined, have: string | undefined): boolean =>
    wanted === undefined || wanted === have
  return (await client.resources('WorkloadEndpoint').list()).filter(
    (endpoint) =>
      same(filter.node, endpoint.spec.node) &&
      same(filter.orchestrator, endpoint.spec.orchestrator) &&
      same(filter.workload, workloadOf(endpoint)) &&
      same(filter.endpoint, endpoint.spec.endpoint),
  )
}

/** The only one. @throws NOT_FOUND; INVALID when several match, with what tells them apart */
export function onlyEndpoint(found: readonly WorkloadEndpointResource[], what: string): WorkloadEndpointResource {
  const [first, second] = found
  if (first === undefined) throw new CalicoError('NOT_FOUND', `Cannot find an endpoint of ${what}`)
  if (second === undefined) return first
  const list = found.map(
    (endpoint) =>
      `${endpoint.spec.endpoint ?? ''} (--host ${endpoint.spec.node ?? ''} --orchestrator ${endpoint.spec.orchestrator ?? ''} --workload ${workloadOf(endpoint)})`,
  )
  throw new CalicoError('INVALID', `Several endpoints match ${what}: ${list.join(', ')}. Say which with these options`)
}

export type ProfileVerb = 'set' | 'append' | 'remove'

/** The list after the change. Pure. @throws INVALID for a duplicate, or for one to remove that is not there */
export function changedProfiles(
  current: readonly ResourceName[],
  verb: ProfileVerb,
  names: readonly ResourceName[],
  shown: (name: ResourceName) => string,
): ResourceName[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new CalicoError('INVALID', `Profile ${shown(twice)} is given twice`)
  if (verb === 'set') return [...names]
  const present = names.find((name) => current.includes(name))
  if (verb === 'append') {
    if (present !== undefined)
      throw new CalicoError('INVALID', `Profile ${shown(present)} is already in the list of the endpoint`)
    return [...current, ...names]
  }
  const absent = names.find((name) => !current.includes(name))
  if (absent !== undefined)
    throw new CalicoError('INVALID', `Profile ${shown(absent)} is not in the list of the endpoint`)
  return current.filter((name) => !names.includes(name))
}

const PAST = { append: 'appended', remove: 'removed' } as const

/**
 * Changes the profiles of an endpoint; concurrent changes are not lost.
 *
 * @returns The sentence to print.
 * @throws NOT_FOUND for an unknown profile
 */
export async function changeEndpointProfiles(
  client: CalicoClient,
  endpoint: WorkloadEndpointResource,
  verb: ProfileVerb,
  typed: readonly string[],
): Promise<string> {
  if (verb !== 'set' && typed.length === 0) throw new CalicoError('INVALID', `Name the profiles to ${verb}`)
  const names = new Map<ResourceName, string>()
  const wanted: ResourceName[] = []
  for (const name of typed) {
    const own = (await getProfile(client, name)).metadata.name
    wanted.push(parseResourceName(own))
    names.set(parseResourceName(own), name)
  }
  const { name, namespace } = endpoint.metadata
  await client.resources('WorkloadEndpoint').modify(name, namespace, (stored) => ({
    ...stored,
    spec: {
      ...stored.spec,
      profiles: changedProfiles(stored.spec.profiles ?? [], verb, wanted, (profile) => names.get(profile) ?? profile),
    },
  }))
  if (verb !== 'set') return `Profile(s) ${PAST[verb]}.`
  return typed.length === 0 ? 'Profile(s) cleared.' : `Profile(s) set to ${typed.join(', ')}.`
}
