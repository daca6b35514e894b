/**
 * Deleting what others depend on. The order is such that an interrupted deletion can be repeated: dependants first, the
 * resource itself last.
 */
import { CalicoError, hasCode, sleep } from '@calico-node/core'
import type { CalicoClient } from '@calico-node/datastore'
import type { Ipam } from '@calico-node/ipam'
import {
  felixLastReportedStatusKey,
  felixStatusKey,
  findIp,
  hostEndpointStatusPrefix,
  hostReportKey,
  type Kind,
  type NodeResource,
  parseNodeName,
  workloadStatusPrefix,
} from '@calico-node/model'

export interface CascadeTools {
  readonly client: CalicoClient
  readonly ipam: () => Promise<Ipam>
}

/** Time for nodes to see that a pool is closed before its blocks are taken away. */
const POOL_CLOSING_MS = 500

const BUILT_IN_TIERS = ['default', 'adminnetworkpolicy', 'baselineadminnetworkpolicy', 'kube-admin', 'kube-baseline']

async function absentIsFine(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (err) {
    if (!hasCode(err, 'NOT_FOUND')) throw err
  }
}

async function beforeTier({ client }: CascadeTools, { name }: Deletion): Promise<void> {
  if (BUILT_IN_TIERS.includes(name)) throw new CalicoError('UNSUPPORTED', `tier "${name}" is built in`)
  const kinds = ['GlobalNetworkPolicy', 'NetworkPolicy', 'StagedGlobalNetworkPolicy', 'StagedNetworkPolicy'] as const
  for (const kind of kinds) {
    const user = (await client.resources(kind).list()).find(({ spec }) => (spec.tier ?? 'default') === name)
    if (user !== undefined)
      throw new CalicoError('IN_USE', `tier "${name}" has policies, such as ${kind} "${user.metadata.name}"`)
  }
}

/**
 * Closes the pool and takes its blocks away. In use it stays as it was, unless `force`: then addresses remain with those
 * who hold them, in a pool that is no more.
 */
async function beforePool({ client, ipam }: CascadeTools, { name, force = false }: Deletion): Promise<void> {
  const { metadata, spec } = await client.resources('IPPool').get(name)
  const addresses = await ipam()
  if (!force) await addresses.assertPoolUnused(spec.cidr)
  const setDisabled = (disabled: boolean): Promise<unknown> =>
    client
      .resources('IPPool')
      .modify(metadata.name, undefined, (stored) =>
        (stored.spec.disabled ?? false) === disabled ? undefined : { ...stored, spec: { ...stored.spec, disabled } },
      )
  await setDisabled(true)
  await sleep(POOL_CLOSING_MS)
  try {
    if (!force) await addresses.assertPoolUnused(spec.cidr) // somebody may have been quicker than the closing
  } catch (err) {
    await setDisabled(spec.disabled ?? false)
    throw err
  }
  await addresses.releasePool(spec.cidr, { mustBeEmpty: false })
}

const tunnelAddresses = ({ spec }: NodeResource): string[] =>
  [
    spec.bgp?.ipv4IPIPTunnelAddr,
    spec.ipv4VXLANTunnelAddr,
    spec.ipv6VXLANTunnelAddr,
    spec.wireguard?.interfaceIPv4Address,
    spec.wireguard?.interfaceIPv6Address,
  ].filter((text) => text !== undefined)

/** Everything that a node leaves behind: addresses, endpoints, blocks, peers and its own configuration. */
async function beforeNode({ client, ipam }: CascadeTools, { name }: Deletion): Promise<void> {
  const node = await client.resources('Node').get(name)
  const addresses = await ipam()
  const endpoints = (await client.resources('WorkloadEndpoint').list()).filter(({ spec }) => spec.node === name)
  const used = [...endpoints.flatMap(({ spec }) => spec.ipNetworks ?? []), ...tunnelAddresses(node)]
  const ips = used.flatMap((text) => findIp(text.split('/', 1)[0] ?? '') ?? [])
  await addresses.releaseIps(ips.map((ip) => ({ ip })))
  for (const { metadata } of endpoints) {
    await absentIsFine(client.resources('WorkloadEndpoint').delete(metadata.name, metadata.namespace))
  }
  await addresses.releaseNode(parseNodeName(name), { mustBeEmpty: false })
  for (const { metadata, spec } of await client.resources('BGPPeer').list()) {
    if (spec.node === name) await absentIsFine(client.resources('BGPPeer').delete(metadata.name))
  }
  for (const kind of ['FelixConfiguration', 'BGPConfiguration'] as const) {
    await absentIsFine(client.resources(kind).delete(`node.${name}`))
  }
  for (const { metadata, spec } of await client.resources('HostEndpoint').list()) {
    if (spec.node === name) await absentIsFine(client.resources('HostEndpoint').delete(metadata.name))
  }
  await forgetReports(client, name)
}

/** What Felix reported last, which otherwise stays for good. */
async function forgetReports({ store }: CalicoClient, node: string): Promise<void> {
  const lists = [workloadStatusPrefix(node), hostEndpointStatusPrefix(node)].map((prefix) => store.list(prefix))
  const reports = (await Promise.all(lists)).flatMap(({ kvs }) => kvs.map(({ key }) => key))
  for (const key of [...reports, felixLastReportedStatusKey(node), felixStatusKey(node), hostReportKey(node)]) {
    await absentIsFine(store.delete(key))
  }
}

/** What has to go, or to be asked, before a resource of the kind. */
const BEFORE: Partial<Record<Kind, (tools: CascadeTools, deletion: Deletion) => Promise<void>>> = {
  Tier: beforeTier,
  IPPool: beforePool,
  Node: beforeNode,
}

/** @throws NOT_FOUND; CONFLICT */
async function checkVersion(
  { client }: CascadeTools,
  { kind, name, namespace, resourceVersion }: Deletion,
): Promise<void> {
  const stored = await client.resources(kind).get(name, namespace)
  if (resourceVersion !== undefined && stored.metadata.resourceVersion !== resourceVersion) {
    throw new CalicoError('CONFLICT', `Cannot delete ${kind} "${name}": it was changed after it was read`)
  }
}

export interface Deletion {
  readonly kind: Kind
  readonly name: string
  readonly namespace?: string | undefined
  /** Only this version. */
  readonly resourceVersion?: string | undefined
  /** A pool even when it is in use. Default false. */
  readonly force?: boolean | undefined
}

/**
 * Deletes a resource and what depends on it. Nothing is touched when the resource is not what was asked for.
 *
 * @throws NOT_FOUND; CONFLICT for another version; IN_USE and UNSUPPORTED for what may not go
 */
export async function deleteResource(tools: CascadeTools, deletion: Deletion): Promise<void> {
  const { kind, name, namespace, resourceVersion } = deletion
  if (kind === 'ClusterInformation') throw new CalicoError('UNSUPPORTED', 'resource is read-only')
  const before = BEFORE[kind]
  if (before === undefined) {
    await tools.client.resources(kind).delete(name, namespace, resourceVersion === undefined ? {} : { resourceVersion })
    return
  }
  await checkVersion(tools, deletion)
  await before(tools, deletion)
  await tools.client.resources(kind).delete(name, namespace)
}
