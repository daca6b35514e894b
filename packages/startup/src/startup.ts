/**
 * What happens once when a node starts, before its services do:
 *
 *   environment -> name -> addresses of this host -> wait for etcd -> cluster facts and tiers -> Node (conflict check)
 *     -> defaults of Felix and BGP -> default pools -> node-name file and list of services
 *
 * The environment is checked as a whole before anything else, so a bad variable changes nothing. Each step may be
 * repeated, and may run on many nodes at once. The files come last: they tell the rest of the host that the node is
 * set up.
 */
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { CalicoError, type Logger } from '@calico-node/core'
import {
  CalicoClient,
  ensureFelixDefaults,
  initialise,
  openEtcd,
  parseConnection,
  waitForEtcd,
  type EtcdConnection,
  type KvStore,
} from '@calico-node/datastore'
import { makeResource, type NodeName, type SpecInput } from '@calico-node/model'
import {
  type AddressPlan,
  ensureNodeAddresses,
  ensurePolicyOnlyNode,
  gatherAddresses,
  type HostAddress,
  type NodeStep,
} from '@calico-node/node-address'
import { knownVariables } from './config/known-variables.ts'
import { resolveStartupConfig, type StartupConfig } from './config/resolve.ts'
import { unknownVariables } from './config/unknown-names.ts'
import { ensureDirectories, readIfPresent, writeWhole } from './files.ts'
import { resolveNodeName } from './node-name.ts'
import { renderServices, servicesFor } from './plan/services.ts'
import { gatherRights } from './rights/gather.ts'
import { findShortcomings } from './rights/rights.ts'
import { ensureDefaultPools } from './steps/default-pools.ts'
import { forgetBird, rememberBird } from './steps/former-bird.ts'
import { warnOfNamesakes } from './steps/namesakes.ts'

export interface StartupOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  /** Ends the wait for etcd. */
  readonly signal: AbortSignal
}

const BGP_DEFAULTS: SpecInput<'BGPConfiguration'> = {
  asNumber: 64512,
  nodeToNodeMeshEnabled: true,
  logSeverityScreen: 'Info',
}

function nameOf(config: StartupConfig, log: Logger): NodeName {
  const file = readIfPresent(config.CALICO_NODENAME_FILE)
  const { name, source } = resolveNodeName({
    nodename: config.NODENAME,
    file,
    hostnameVariable: config.HOSTNAME,
    hostName: hostname(),
  })
  log.info('Name of this node', { node: name, from: source })
  const before = file?.trim() ?? ''
  if (before !== '' && before !== name) {
    log.warn('This node was called otherwise before; its old Node and endpoints stay until they are deleted', {
      was: before,
      is: name,
    })
  }
  return name
}

/** @returns False when the signal ended the wait. */
async function connect(
  store: KvStore,
  { WAIT_FOR_DATASTORE: wait }: StartupConfig,
  opts: StartupOptions,
): Promise<boolean> {
  if (wait) return waitForEtcd(store, opts)
  await new CalicoClient(store).resources('ClusterInformation').find('default')
  return true
}

interface Found {
  readonly config: StartupConfig
  readonly connection: EtcdConnection
  readonly addresses: readonly HostAddress[]
}

const planOf = ({ config, connection }: Found): AddressPlan => ({
  ipv4: { setting: config.IP, method: config.IP_AUTODETECTION_METHOD },
  ipv6: { setting: config.IP6, method: config.IP6_AUTODETECTION_METHOD },
  asNumber: config.AS,
  clusterId: config.CALICO_ROUTE_REFLECTOR_CLUSTER_ID,
  k8sNodeRef: config.CALICO_K8S_NODE_REF,
  check: !config.DISABLE_NODE_IP_CHECK,
  etcdEndpoints: connection.endpoints,
})

async function ensureNode(step: NodeStep, found: Found): Promise<void> {
  const { config, addresses } = found
  if (config.backend === 'none') {
    await ensurePolicyOnlyNode(step, config.CALICO_K8S_NODE_REF)
    return
  }
  const { spec } = await ensureNodeAddresses({ ...step, plan: planOf(found), addresses })
  if (spec.bgp?.ipv4Address === undefined && config.CALICO_ROUTER_ID === undefined && config.backend === 'bird') {
    step.log.warn('BIRD needs a router ID: without an IPv4 address set CALICO_ROUTER_ID to "hash" or to an ID')
  }
}

async function prepareForWorkloads(client: CalicoClient, name: NodeName, found: Found, log: Logger): Promise<void> {
  // Traffic from a workload to its own host meets the host's own rules, and no rule of Calico.
  await ensureFelixDefaults(client, `node.${name}`, { defaultEndpointToHostAction: 'Return' })
  await ensureDefaultPools(client, found.config, found.addresses, log)
}

/** Folders of the host that start-up and the services write. */
const hostFolders = (config: StartupConfig): string[] => [
  config.CALICO_BIRD_RUN_DIR,
  dirname(config.CALICO_NODENAME_FILE),
  ...(config.CALICO_DISABLE_FILE_LOGGING ? [] : [config.CALICO_LOG_DIR]),
]

/** @throws FORBIDDEN naming every right that is missing, with the option of the container that gives it */
function requireRights(config: StartupConfig, log: Logger): void {
  const { fatal, degraded } = findShortcomings(gatherRights(hostFolders(config)), {
    withBird: config.backend === 'bird',
  })
  for (const shortcoming of degraded) log.warn('A right is missing', { shortcoming })
  if (fatal.length > 0)
    throw new CalicoError('FORBIDDEN', `Cannot start with the rights of this container: ${fatal.join('; ')}`)
}

function leaveFiles(config: StartupConfig, name: NodeName, log: Logger): void {
  ensureDirectories(hostFolders(config), log)
  const withFelix = config.CALICO_NODE_ROLE === 'node' && config.CALICO_DISABLE_FELIX === undefined
  const withDockerNetworks = /^(true|1|yes)$/i.test(config.CALICO_LIBNETWORK_ENABLED ?? '')
  const services = servicesFor({ backend: config.backend, withFelix, withDockerNetworks })
  if (config.CALICO_SERVICES_FILE !== undefined) writeWhole(config.CALICO_SERVICES_FILE, renderServices(services))
  writeWhole(config.CALICO_NODENAME_FILE, name)
  log.info('This node is set up', { node: name, role: config.CALICO_NODE_ROLE, backend: config.backend, services })
}

/**
 * Sets this node up.
 *
 * @returns False when the signal ended the wait for etcd.
 * @throws INVALID for a bad environment, NOT_FOUND without an address, CONFLICT naming both nodes of one address
 */
export async function runStartup(opts: StartupOptions): Promise<boolean> {
  const { env, log } = opts
  const config = resolveStartupConfig(env)
  const connection = parseConnection({ env })
  for (const unknown of unknownVariables(Object.keys(env), knownVariables()))
    log.warn('Unknown variable, it has no effect', { ...unknown })
  if (config.CALICO_NETWORKING !== undefined) {
    log.warn('CALICO_NETWORKING is deprecated, use CALICO_NETWORKING_BACKEND', { backend: config.backend })
  }
  requireRights(config, log)
  const name = nameOf(config, log)
  const store = openEtcd(connection, log)
  try {
    if (!(await connect(store, config, opts))) return false
    const client = new CalicoClient(store)
    const found = { config, connection, addresses: await gatherAddresses() }
    await initialise(client, config.CLUSTER_TYPE === undefined ? {} : { clusterType: config.CLUSTER_TYPE })
    await ensureNode({ client, log, name }, found)
    await warnOfNamesakes(client, name, log)
    await client
      .resources('BGPConfiguration')
      .ensure(makeResource('BGPConfiguration', { name: 'default' }, BGP_DEFAULTS))
    if (config.CALICO_NODE_ROLE === 'node') await prepareForWorkloads(client, name, found, log)
    const birdFile = join(dirname(config.CALICO_NODENAME_FILE), 'bird')
    if (config.backend === 'bird') rememberBird(birdFile)
    else await forgetBird(client, birdFile, log)
    leaveFiles(config, name, log)
    return true
  } finally {
    store.close()
  }
}
