/** The dataplane of this host: drivers for what the configuration asks for, managers over them, and the loop over both. */
import type { Logger } from '@calico-node/core'
import {
  cleanOtherVariant,
  createConntrack,
  createForwarding,
  createIpSets,
  createLinkMonitor,
  createNeighbours,
  createRoutes,
  createRuleMonitor,
  createRuleTable,
  createSysctl,
  createTrackedFlows,
  createTunnelDevices,
  detectIptables,
  type IptablesChoice,
  type IpVersion,
  type LinkMonitor,
  loadKernelModule,
  ROUTE_PROTOCOL,
  ROUTE_PROTOCOL_BOOT,
  type RouteOwnership,
  type RoutesOptions,
  type ToolCall,
  meteredTool,
  type RuleMonitor,
  type RuleTable,
  type Sysctl,
  type Table,
} from '@calico-node/linux'
import type { DataplaneStatusSink } from '../calc/messages.ts'
import type { FelixConfig } from '../config/params.ts'
import type { FelixMetrics } from '../status/metrics.ts'
import type { ProblemSink } from '../status/problems.ts'
import { ruleSettings } from '../rules/settings.ts'
import { staticTables } from '../rules/static.ts'
import { HostLinks } from './host-links.ts'
import { HostSettings } from './host-settings.ts'
import { InterfaceSettings } from './interface-settings.ts'
import { type FamilyDrivers, Kernel } from './kernel.ts'
import { Dataplane } from './loop.ts'
import { ClusterRouteManager } from './managers/cluster-routes.ts'
import { EndpointManager } from './managers/endpoint.ts'
import { FloatingIpManager } from './managers/floating-ip.ts'
import { FlowCutter } from './managers/flow-cutter.ts'
import { HostEndpointManager } from './managers/host-endpoint.ts'
import { IpSetManager } from './managers/ip-set.ts'
import { MasqueradeManager } from './managers/masquerade.ts'
import type { Manager, ManagerContext } from './managers/manager.ts'
import { NoticeManager } from './managers/notices.ts'
import { PolicyManager } from './managers/policy.ts'
import { ServiceLoopManager } from './managers/service-loops.ts'
import { TunnelManager } from './managers/tunnel.ts'
import type { WorkloadContext } from './managers/workload-plan.ts'
import type { DataplaneOp } from './ops.ts'
import { ResyncSchedule } from './resync.ts'
import { WorkloadMtuFile } from './workload-mtu.ts'

export interface DataplaneContext {
  readonly config: FelixConfig
  readonly status: DataplaneStatusSink
  readonly metrics: FelixMetrics
  readonly problems: ProblemSink
  readonly log: Logger
  /** Where plugins read how large packets of workloads may be; default: nowhere. */
  readonly mtuFile?: string | undefined
}

export interface CreatedDataplane {
  readonly dataplane: Dataplane
  /** The iptables that was chosen, and why. */
  readonly iptables: Pick<IptablesChoice, 'variant' | 'reason'>
  /** How large packets of workloads may be; undefined until it is known, and where routes are left to others. */
  workloadMtuBytes(): number | undefined
}

/** @throws INVALID when the configuration cannot be used; COMMAND_MISSING when there is no iptables */
export async function createDataplane(context: DataplaneContext): Promise<CreatedDataplane> {
  const { config, status, metrics, problems, log, mtuFile } = context
  const now = (): number => performance.now()
  const versions: readonly IpVersion[] = config.Ipv6Support ? [4, 6] : [4]
  const sysctl = createSysctl()
  const iptables = await detectIptables(log, { configured: VARIANT[config.IptablesBackend] })
  await loadKernelModule('nf_conntrack_proto_sctp', log) // else flows of SCTP are not told apart
  const onCall = (call: ToolCall): void => metrics.drivers.onTool(call)
  const monitor = createRuleMonitor({ variant: iptables.variant, lockFile: config.IptablesLockFilePath, log })
  const onTime: RoutesOptions['onTime'] = (what, tookMs) => metrics.drivers.onRouteTime(what, tookMs)
  const workloadMtu = new WorkloadMtuFile(mtuFile)
  const kernel = new Kernel(
    {
      families: familyDrivers(config, { versions, iptables, monitor, onCall, onTime, log }),
      tunnels: createTunnelDevices({ log }),
      forwarding: createForwarding({ log }),
      neighbours: createNeighbours({ log, workloadPrefixes: config.InterfacePrefix }),
      interfaces: new InterfaceSettings(sysctl, log),
      host: new HostSettings({ sysctl, versions, forwarding: config.IpForwarding === 'Enabled', log }),
      workloadMtu,
    },
    { log, now, problems },
  )

  metrics.drivers.watch(() => kernel.counts())
  const shared: ManagerContext = { versions, settings: ruleSettings(config), maxSetElements: config.MaxIpsetSize }
  const dataplane = new Dataplane({
    kernel,
    metrics,
    log,
    now,
    links: linkMonitor(config, log),
    ruleHints: (signal) => monitor.hints(signal),
    status: sweepingOtherVariant(status, { iptables, problems, log }),
    managers: [
      new IpSetManager(shared),
      new PolicyManager(shared),
      new EndpointManager(workloadContext(config, shared, sysctl), log),
      new HostEndpointManager(shared, log),
      new MasqueradeManager(shared),
      new ServiceLoopManager(shared),
      new NoticeManager(),
      ...(config.FloatingIPs === 'Enabled' ? [new FloatingIpManager(shared)] : []),
      ...networkManagers(config, shared, now),
      ...(config.CutDeniedFlows ? [new FlowCutter({ flows: createTrackedFlows({ log }), versions, log })] : []),
    ],
    base: baseOps(shared),
    resync: new ResyncSchedule({
      intervalMs: { sets: config.IpsetsRefreshInterval, routes: config.RouteRefreshInterval },
      now,
      random: Math.random,
    }),
  })
  const { variant, reason } = iptables
  return { dataplane, iptables: { variant, reason }, workloadMtuBytes: () => workloadMtu.mtuBytes }
}

/** Ways to other hosts; none where somebody else sees to routes. */
function networkManagers(config: FelixConfig, context: ManagerContext, now: () => number): Manager[] {
  if (config.RouteSyncDisabled) return []
  const mtuBytes = { ipip: config.IpipMTU, vxlan: config.VxlanMTU, 'vxlan-v6': config.VxlanMTUV6 }
  const links = new HostLinks({
    mtuPattern: new RegExp(config.MtuIfacePattern),
    workloadPrefixes: config.InterfacePrefix,
  })
  const vxlan = { vni: config.VxlanVNI, port: config.VxlanPort }
  const protocol = config.DeviceRouteProtocol === ROUTE_PROTOCOL_BOOT ? ROUTE_PROTOCOL : config.DeviceRouteProtocol
  return [
    links,
    new TunnelManager({ ...context, links, vxlan, mtuBytes, externalHosts: config.ExternalNodesList, now }),
    new ClusterRouteManager({ links, protocol, mtuBytes, now }),
  ]
}

function linkMonitor(config: FelixConfig, log: Logger): LinkMonitor {
  const names = new Set(config.InterfaceExclude.filter((pattern) => !pattern.startsWith('/')))
  const expressions = config.InterfaceExclude.filter((pattern) => pattern.startsWith('/')).map(
    (pattern) => new RegExp(pattern.slice(1, -1)),
  )
  const excludeAddresses = (name: string): boolean =>
    names.has(name) || expressions.some((expression) => expression.test(name))
  return createLinkMonitor({ log, refreshMs: config.InterfaceRefreshInterval, excludeAddresses })
}

const VARIANT = { Auto: 'auto', Legacy: 'legacy', NFT: 'nft' } as const

interface Sweep {
  readonly iptables: IptablesChoice
  readonly problems: ProblemSink
  readonly log: Logger
}

/** Rules of ours in the other iptables go when those in this one stand. */
function sweepingOtherVariant(
  status: DataplaneStatusSink,
  { iptables: { variant, leftovers }, problems, log }: Sweep,
): DataplaneStatusSink {
  const other = variant === 'nft' ? 'legacy' : 'nft'
  const problem = 'iptables-variant'
  if (leftovers.length > 0) {
    const tables = leftovers.map(({ table, ipVersion }) => `${table} of IPv${ipVersion}`).join(', ')
    problems.raise(
      problem,
      `iptables-${other} holds rules of ours, which still apply beside iptables-${variant}: ${tables}`,
    )
  }
  const sweep = (): void => {
    cleanOtherVariant(other, log).then(
      (tables) => {
        problems.clear(problem)
        log.info('Removed our rules from the other iptables variant', { tables: tables.length })
      },
      (err: unknown) => log.warn('Our rules in the other iptables variant could not be removed', { err }),
    )
  }
  return {
    workloadStatus: (id, state) => status.workloadStatus(id, state),
    hostEndpointStatus: (name, state) => status.hostEndpointStatus(name, state),
    dataplaneInSync: () => {
      status.dataplaneInSync()
      if (leftovers.length > 0) sweep()
    },
  }
}

interface FamilyContext {
  readonly versions: readonly IpVersion[]
  readonly iptables: IptablesChoice
  readonly monitor: RuleMonitor
  readonly onCall: (call: ToolCall) => void
  readonly onTime: RoutesOptions['onTime']
  readonly log: Logger
}

function familyDrivers(config: FelixConfig, context: FamilyContext): FamilyDrivers[] {
  const { versions, iptables, monitor, onCall, onTime, log } = context
  const tool = meteredTool(onCall)
  const ruleTool = monitor.noting(tool)
  const { variant } = iptables
  const conntrack = createConntrack({ log })
  const ownership: RouteOwnership = {
    workloadPrefixes: config.InterfacePrefix,
    deviceRouteProtocol: config.DeviceRouteProtocol,
    removeExternalRoutes: config.RemoveExternalRoutes,
  }
  return versions.map((version): FamilyDrivers => {
    const table = (name: Table): RuleTable =>
      createRuleTable({
        variant,
        table: name,
        ipVersion: version,
        log,
        tool: ruleTool,
        insertMode: config.ChainInsertMode,
        refreshMs: config.IptablesRefreshInterval,
        postWriteCheckMs: config.IptablesPostWriteCheckInterval,
        ...(config.IptablesLockTimeout > 0 && { lockTimeoutSeconds: Math.ceil(config.IptablesLockTimeout / 1000) }),
      })
    return {
      version,
      sets: createIpSets({ ipVersion: version, log, tool, onBatch: onCall, maxElements: config.MaxIpsetSize }),
      tables: { raw: table('raw'), mangle: table('mangle'), nat: table('nat'), filter: table('filter') },
      routes: createRoutes({ ipVersion: version, log, ownership, conntrack, ...(onTime && { onTime }) }),
    }
  })
}

function workloadContext(config: FelixConfig, context: ManagerContext, sysctl: Sysctl): WorkloadContext {
  const { DeviceRouteSourceAddress: source4, DeviceRouteSourceAddressIPv6: source6 } = config
  return {
    ...context,
    routes: {
      enabled: !config.RouteSyncDisabled,
      protocol: config.DeviceRouteProtocol,
      floatingIps: config.FloatingIPs === 'Enabled',
      source: { ...(source4 && { 4: source4 }), ...(source6 && { 6: source6 }) },
    },
    reversePathFilter: sysctl.read('net/ipv4/conf/default/rp_filter') ?? '1',
  }
}

const baseOps = ({ versions, settings }: ManagerContext): DataplaneOp[] =>
  versions.flatMap((ipVersion) =>
    staticTables(settings, ipVersion).flatMap(({ table, chains, hooks }): DataplaneOp[] => [
      ...chains.map((chain) => ({ kind: 'chain.set', ipVersion, table, chain }) as const),
      ...hooks.map((hook) => ({ kind: 'hook.set', ipVersion, table, hook }) as const),
    ]),
  )
