import {
  findCidr,
  parseAsNumber,
  parseDuration,
  type AsNumber,
  type BGPConfigurationResource,
  type Cidr,
} from '@calico-node/model'
import type { Facts, Family, Report, Surroundings } from './facts.ts'

type Spec = BGPConfigurationResource['spec']

/** What the BGPConfigurations come to for one node. */
export interface Settings {
  /** AS number of nodes that have none of their own. */
  readonly globalAs: AsNumber
  readonly globalPort: number | undefined
  /** Port that this node listens on; undefined: BIRD's default. */
  readonly listenPort: number | undefined
  readonly bindNodeIp: boolean
  readonly logSeverity: string
  readonly ignoredInterfaces: readonly string[]
  readonly mesh: MeshSettings
  readonly communities: NonNullable<Spec['communities']>
  readonly advertisements: NonNullable<Spec['prefixAdvertisements']>
  readonly services: ServiceNetworks
  /** BIRD programs the routes of pools without encapsulation. */
  readonly programsRoutes: boolean
  /** Metric of a route in normal state; less is better. */
  readonly normalPriority: Readonly<Record<Family, number>>
}

export interface MeshSettings {
  readonly enabled: boolean
  readonly password: SecretRef | undefined
  readonly restartSeconds: number | undefined
}

export interface SecretRef {
  readonly name: string
  readonly key: string
}

export interface ServiceNetworks {
  /** Announced as a whole by every node, and kept out of its kernel. */
  readonly announced: readonly Cidr[]
  /** All of them are kept out of the kernel. */
  readonly all: readonly Cidr[]
  /** Networks whose single addresses a route reflector passes on. */
  readonly reflected: readonly Cidr[]
}

const DEFAULT_AS = parseAsNumber(64_512)
export const DEFAULT_PRIORITY = 1024
/** BIRD's field for graceful restart has twelve bits. */
const MAX_RESTART_SECONDS = 4095

/** Communities and advertisements go together: a node's own list replaces the one of the cluster. */
export function settingsOf(facts: Facts, surroundings: Surroundings, report: Report): Settings {
  const global = facts.configurations.get('default')?.spec
  const own = facts.configurations.get(`node.${surroundings.node}`)?.spec
  if (global?.localWorkloadPeeringIPV4 !== undefined || global?.localWorkloadPeeringIPV6 !== undefined) {
    const reason =
      'localWorkloadPeeringIPV4 and localWorkloadPeeringIPV6 have no effect: workloads peer with the address of the node'
    report('BGPConfiguration', 'default', reason)
  }
  const advertising = own?.prefixAdvertisements === undefined ? global : own
  return {
    globalAs: global?.asNumber || DEFAULT_AS,
    globalPort: portOf(global),
    listenPort: portOf(own) ?? portOf(global),
    bindNodeIp: (own?.bindMode ?? global?.bindMode) === 'NodeIP',
    logSeverity: own?.logSeverityScreen ?? global?.logSeverityScreen ?? 'Info',
    ignoredInterfaces: own?.ignoredInterfaces ?? global?.ignoredInterfaces ?? [],
    mesh: meshSettings(global, report),
    communities: [...(own?.communities ?? []), ...(global?.communities ?? [])],
    advertisements: advertising?.prefixAdvertisements ?? [],
    services: serviceNetworks(global, surroundings.clusterIps),
    programsRoutes: programsRoutes(global ?? {}, facts, report),
    normalPriority: {
      4: global?.ipv4NormalRoutePriority ?? DEFAULT_PRIORITY,
      6: global?.ipv6NormalRoutePriority ?? DEFAULT_PRIORITY,
    },
  }
}

/** The port of one BGPConfiguration; 0 means that it says nothing. */
export const portOf = (spec: Spec | undefined): number | undefined => spec?.listenPort || undefined

/** IP-in-IP routes are Felix's whatever is said here, because stock BIRD cannot write them; that is reported. */
function programsRoutes({ programClusterRoutes: value }: Spec, { pools }: Facts, report: Report): boolean {
  const hasIpip = [...pools.values()].some(({ spec }) => spec.ipipMode !== 'Never')
  if (hasIpip && (value === 'Enabled' || value === 'EnabledIPIPOnly')) {
    const reason = `programClusterRoutes ${value} asks BIRD for the routes of IP-in-IP pools, which Felix writes instead`
    report('BGPConfiguration', 'default', reason)
  }
  return value !== 'Disabled' && value !== 'EnabledIPIPOnly'
}

function meshSettings(spec: Spec | undefined, report: Report): MeshSettings {
  const ref = spec?.nodeMeshPassword?.secretKeyRef
  let restartSeconds: number | undefined
  if (spec?.nodeMeshMaxRestartTime !== undefined) {
    restartSeconds = findRestartSeconds(spec.nodeMeshMaxRestartTime)
    if (restartSeconds === undefined) {
      report('BGPConfiguration', 'default', `nodeMeshMaxRestartTime ${RESTART_RULE}; mesh peers use the default`)
    }
  }
  return {
    enabled: spec?.nodeToNodeMeshEnabled ?? true,
    password: ref === undefined ? undefined : { name: ref.name ?? '', key: ref.key },
    restartSeconds,
  }
}

export const RESTART_RULE = `must be from 1s to ${MAX_RESTART_SECONDS}s`

/** Whole seconds, rounded; undefined where BIRD could not express it. */
export function findRestartSeconds(duration: string): number | undefined {
  const seconds = Math.round(parseDuration(duration) / 1000)
  return seconds >= 1 && seconds <= MAX_RESTART_SECONDS ? seconds : undefined
}

function serviceNetworks(spec: Spec | undefined, clusterIps: Cidr | undefined): ServiceNetworks {
  const networks = (list: readonly { readonly cidr: string }[] = []): Cidr[] =>
    list.flatMap(({ cidr }) => findCidr(cidr) ?? [])
  const cluster = clusterIps === undefined ? networks(spec?.serviceClusterIPs) : [clusterIps]
  const external = networks(spec?.serviceExternalIPs)
  const balancers = networks(spec?.serviceLoadBalancerIPs)
  const whole = (cidr: Cidr): boolean => !/\/(32|128)$/.test(cidr)
  const aggregated = spec?.serviceLoadBalancerAggregation === 'Disabled' ? [] : balancers
  return {
    announced: [...new Set([...cluster, ...[...external, ...aggregated].filter(whole)])],
    all: [...new Set([...cluster, ...external, ...balancers])],
    reflected: [...new Set([...external, ...balancers])],
  }
}
