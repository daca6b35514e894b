/**
 * What must be in the store before anything of Calico works: Felix waits for a ClusterInformation that says "ready", and
 * policies need their tier. Written by every node at start and by calicoctl before its first write; any number of them may
 * do it at once.
 */
import { randomUUID } from 'node:crypto'
import {
  FIXED_TIER_ORDERS,
  makeResource,
  type ClusterInformationSpec,
  type FelixConfigurationSpec,
  type SpecInput,
  type TierResource,
} from '@calico-node/model'
import type { CalicoClient } from './client.ts'

export interface InitialiseOptions {
  /** Words to add to the comma list of what the cluster is made of. */
  readonly clusterType?: string
}

/** The tiers of Calico 3.30 and 3.31. */
const TIERS = ['default', 'adminnetworkpolicy', 'baselineadminnetworkpolicy'] as const

/** State of hosts and endpoints is reported, and the log is readable. */
const FELIX: SpecInput<'FelixConfiguration'> = {
  reportingInterval: '30s',
  endpointReportingEnabled: true,
  logSeverityScreen: 'Info',
}

const tier = (name: string): TierResource =>
  makeResource(
    'Tier',
    { name },
    { order: FIXED_TIER_ORDERS[name] ?? 0, defaultAction: name === 'default' ? 'Deny' : 'Pass' },
  )

/** The comma list with the words it lacks appended. Pure. */
export function mergeClusterType(present: string | undefined, added: string | undefined): string | undefined {
  const words = `${present ?? ''},${added ?? ''}`
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  return words.length === 0 ? undefined : [...new Set(words)].join(',')
}

/** The facts with everything filled in that is missing; undefined when nothing is. A cluster locked by hand stays locked. */
function completed(
  spec: ClusterInformationSpec,
  { clusterType }: InitialiseOptions,
): ClusterInformationSpec | undefined {
  const merged = mergeClusterType(spec.clusterType, clusterType)
  const complete = {
    ...spec,
    clusterGUID: spec.clusterGUID ?? randomUUID().replaceAll('-', ''),
    datastoreReady: spec.datastoreReady ?? true,
    ...(merged !== undefined && { clusterType: merged }),
  }
  const same =
    complete.clusterGUID === spec.clusterGUID &&
    complete.datastoreReady === spec.datastoreReady &&
    merged === spec.clusterType
  return same ? undefined : complete
}

/** The spec with the defaults for what is not set; undefined when nothing is missing. */
function filled(spec: FelixConfigurationSpec, defaults: FelixConfigurationSpec): FelixConfigurationSpec | undefined {
  const missing = Object.entries(defaults).filter(([field]) => Reflect.get(spec, field) === undefined)
  return missing.length === 0 ? undefined : { ...spec, ...Object.fromEntries(missing) }
}

/** Creates a configuration of Felix, or sets in the one there is what nobody has set. Idempotent. */
export async function ensureFelixDefaults(
  client: CalicoClient,
  name: string,
  defaults: SpecInput<'FelixConfiguration'>,
): Promise<void> {
  const wanted = makeResource('FelixConfiguration', { name }, defaults)
  const configurations = client.resources('FelixConfiguration')
  await configurations.ensure(wanted)
  await configurations.modify(name, undefined, (stored) => {
    const spec = filled(stored.spec, wanted.spec)
    return spec === undefined ? undefined : { ...stored, spec }
  })
}

/** Creates or completes the facts of the cluster, the built-in tiers and the defaults of Felix. Idempotent. */
export async function initialise(client: CalicoClient, opts: InitialiseOptions = {}): Promise<void> {
  const clusters = client.resources('ClusterInformation')
  await clusters.ensure(makeResource('ClusterInformation', { name: 'default' }, completed({}, opts) ?? {}))
  await clusters.modify('default', undefined, (stored) => {
    const spec = completed(stored.spec, opts)
    return spec === undefined ? undefined : { ...stored, spec }
  })
  for (const name of TIERS) await client.resources('Tier').ensure(tier(name))
  await ensureFelixDefaults(client, 'default', FELIX)
}
