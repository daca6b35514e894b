/**
 * Export and import of a whole datastore. The text has the three parts that Calico's own tool writes, `===` between
 * them: lists of resources as YAML, the ClusterInformation, and the records of IPAM as raw keys and values. Ours adds
 * profiles and workload endpoints, so that an import into an empty etcd restores everything.
 */
import { CalicoError, messageOf } from '@calico-node/core'
import { initialise, type CalicoClient, type KvStore } from '@calico-node/datastore'
import {
  AFFINITY_PREFIX,
  BLOCK_PREFIX,
  DEFAULT_ALLOW_PROFILE,
  HANDLE_PREFIX,
  IPAM_CONFIG_KEY,
  kindInfo,
  parseResource,
  RESOURCES_PREFIX,
  type Kind,
} from '@calico-node/model'
import { defineCommand } from '../../cli/command.ts'
import { text } from '../../cli/option.ts'
import { line, type Block } from '../../output/block.ts'
import { toYaml } from '../../output/yaml.ts'
import { parseDocuments } from '../../resources/document.ts'
import { loadText } from '../../resources/load.ts'
import { applyResource } from '../../resources/operations.ts'
import { StoreView } from '../../resources/store-view.ts'

/** Referents before what refers to them. */
const KINDS: readonly Kind[] = [
  'IPPool',
  'BGPFilter',
  'BGPPeer',
  'Tier',
  'GlobalNetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'GlobalNetworkSet',
  'HostEndpoint',
  'KubeControllersConfiguration',
  'NetworkPolicy',
  'StagedNetworkPolicy',
  'StagedKubernetesNetworkPolicy',
  'NetworkSet',
  'Node',
  'BGPConfiguration',
  'FelixConfiguration',
  'IPReservation',
  'Profile',
  'WorkloadEndpoint',
]
const SEPARATOR = '==='
const IPAM_PREFIX = '/calico/ipam/v2/'
const IPAM_PARTS = {
  block_affinities: AFFINITY_PREFIX,
  blocks: BLOCK_PREFIX,
  handles: HANDLE_PREFIX,
  config: IPAM_CONFIG_KEY,
} as const

async function resourcesText(client: CalicoClient): Promise<string> {
  const parts: string[] = []
  for (const kind of KINDS) {
    const items = (await client.resources(kind).list())
      .filter(({ metadata }) => metadata.name !== DEFAULT_ALLOW_PROFILE && !metadata.name.startsWith('knp.default.'))
      .map(
        ({
          metadata: { resourceVersion: _version, uid: _uid, creationTimestamp: _time, ...metadata },
          ...resource
        }) => ({ ...resource, metadata }),
      )
    if (items.length > 0)
      parts.push(`${toYaml({ apiVersion: 'projectcalico.org/v3', kind: `${kind}List`, items })}---\n`)
  }
  return parts.join('')
}

async function ipamText(store: KvStore): Promise<string> {
  const parts: Record<string, { Key: string; Value: string; TTL: number }[]> = {}
  for (const [part, prefix] of Object.entries(IPAM_PARTS)) {
    parts[part] = (await store.list(prefix)).kvs.map(({ key, value }) => ({ Key: key, Value: value, TTL: 0 }))
  }
  return JSON.stringify(parts)
}

export const exportCommand = defineCommand({
  args: [],
  options: {},
  details:
    'The datastore must be locked, so that nothing changes meanwhile. Profiles and workload endpoints are included.',
  examples: [
    ['datastore migrate export > cluster.yaml', 'save everything'],
    ['datastore migrate lock', 'needed before'],
  ],
  async run(context) {
    const client = await context.client()
    const cluster = await client.resources('ClusterInformation').get('default')
    if (cluster.spec.datastoreReady !== false) {
      throw new CalicoError('INVALID', 'The datastore is not locked: use "calicoctl datastore migrate lock" first')
    }
    const blocks = [
      await resourcesText(client),
      `${SEPARATOR}\n`,
      `${JSON.stringify(cluster)}\n`,
      `${SEPARATOR}\n`,
      `${await ipamText(client.store)}\n`,
    ]
    return { blocks: blocks.map((part): Block => ({ kind: 'text', text: part })) }
  },
})

interface RawRecord {
  readonly key: string
  readonly value: string
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function rawRecords(part: string): RawRecord[] {
  let json: unknown
  try {
    json = JSON.parse(part)
  } catch (err) {
    throw new CalicoError('INVALID', `Cannot read the records of IPAM: ${messageOf(err)}`, { cause: err })
  }
  const entries = isRecord(json) ? Object.values(json).flatMap((value) => (Array.isArray(value) ? value : [value])) : []
  return entries.filter(isRecord).map((entry) => {
    const { Key: key, Value: value } = entry
    if (typeof key !== 'string' || !key.startsWith(IPAM_PREFIX))
      throw new CalicoError('INVALID', `Cannot import the record ${JSON.stringify(key)}: it is none of IPAM's`)
    return { key, value: typeof value === 'string' ? value : JSON.stringify(value) }
  })
}

async function requireEmpty(client: CalicoClient): Promise<void> {
  const lists = await Promise.all([RESOURCES_PREFIX, IPAM_PREFIX].map((prefix) => client.store.list(prefix)))
  const foreign = lists.flatMap(({ kvs }) => kvs).find(({ key }) => !/\/(clusterinformations|tiers)\//.test(key))
  if (foreign !== undefined)
    throw new CalicoError('INVALID', `Cannot import: the datastore is not empty, it has ${foreign.key}`)
}

/** The parts of an export, checked as a whole before anything is written. */
function parseExport(
  file: string,
  source: string,
): { resources: ReturnType<typeof parseResource>[]; clusterGuid: string | undefined; records: RawRecord[] } {
  const [lists = '', cluster = '{}', ipam = '{}', ...rest] = source.split(/^===$/m)
  if (rest.length > 0) throw new CalicoError('INVALID', `Cannot import ${file}: it has more than three parts`)
  const resources = parseDocuments(file, lists).map((document) => {
    try {
      return parseResource(document.value)
    } catch (err) {
      throw new CalicoError('INVALID', `${file}, line ${document.lineOf('')}: ${messageOf(err)}`, { cause: err })
    }
  })
  const [facts] = parseDocuments(file, cluster)
  const spec = isRecord(facts?.value) && isRecord(facts.value['spec']) ? facts.value['spec'] : {}
  return {
    // Other tools write them in another order.
    resources: resources.toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind)),
    clusterGuid: typeof spec['clusterGUID'] === 'string' ? spec['clusterGUID'] : undefined,
    records: rawRecords(ipam),
  }
}

export const importCommand = defineCommand({
  args: [],
  options: { filename: text('-f, --filename <file>', 'an export; - for standard input') },
  details: 'The datastore must be empty. It stays locked: unlock it when all is well.',
  examples: [
    ['datastore migrate import -f cluster.yaml', 'restore what was exported'],
    ['datastore migrate unlock', 'needed afterwards'],
  ],
  async run(context, _, { filename }) {
    if (filename === undefined) throw new CalicoError('INVALID', 'Option -f is missing: name an export')
    const { resources, clusterGuid, records } = parseExport(
      filename,
      await loadText(filename, () => context.readStdin()),
    )
    const client = await context.client()
    await requireEmpty(client)
    await initialise(client)
    await client.resources('ClusterInformation').modify('default', undefined, (stored) => ({
      ...stored,
      spec: { ...stored.spec, datastoreReady: false, ...(clusterGuid !== undefined && { clusterGUID: clusterGuid }) },
    }))
    // Initialising has made some of them.
    for (const resource of resources) await applyResource(new StoreView(client), resource)
    for (const { key, value } of records) await client.store.put(key, value)
    const counts = Object.entries(Object.groupBy(resources, ({ kind }) => kindInfo(kind).plural)).map(
      ([kind, items = []]) => `${items.length} ${kind}`,
    )
    return {
      blocks: [
        line(`Imported ${[...counts, `${records.length} records of IPAM`].join(', ')}.`),
        line('The datastore is locked: unlock it with "calicoctl datastore migrate unlock".'),
      ],
    }
  },
})
