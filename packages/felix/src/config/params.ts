/**
 * Every parameter that Felix knows, one row each (a table: it may be longer than other files).
 *
 * The key is the field of FelixConfiguration with its first letter in capitals; it is also the name in {@link
 * FelixConfig}. Durations are milliseconds. The reference documentation is generated from this table.
 */
import {
  bool,
  cidrs,
  failsafePorts,
  type FailsafePort,
  healthTimeouts,
  int,
  interfacePatterns,
  interfacePrefixes,
  mask,
  maybeBool,
  maybeIp,
  maybeIpv4,
  maybePortRange,
  maybeRate,
  maybeWord,
  millis,
  oneOf,
  type ParamType,
  port,
  regex,
  seconds,
  tableRanges,
  word,
} from './param-types.ts'

export interface Param<T> {
  readonly type: ParamType<T>
  readonly default: T
  readonly doc: string
  /** Name in the environment (after `FELIX_`, any case) and in the file. Default: the key. */
  readonly env?: string
  /** Field of FelixConfiguration; `null` = not there. Default: the key with its first letter in lower case. */
  readonly field?: string | null
  /** Only the environment and the file may set it. */
  readonly local?: true
  /** A bad value stops Felix; otherwise the default is used and a warning logged. */
  readonly die?: true
  /** The text `none` is a bad value. */
  readonly nonZero?: true
  /** A change is applied at once; otherwise Felix exits and is started again. */
  readonly live?: true
  /** Why this has no effect (yet). */
  readonly not?: string
}
type Options = Omit<Param<unknown>, 'type' | 'default' | 'doc'>

const param = <T>(type: ParamType<T>, value: T, doc: string, options: Options = {}): Param<T> => ({
  type,
  default: value,
  doc,
  ...options,
})

const die = { die: true } as const
const live = { live: true } as const
const LOCAL = { field: null, local: true } as const
const NO_FIELD = { field: null } as const
const LATER_NFT = { not: 'belongs to the nftables back end, which is not built yet' } as const
const LATER_WIREGUARD = { not: 'WireGuard is not built' } as const
const NO_EXTERNAL = { not: 'there is no external data plane driver' } as const
const NO_XDP = { not: 'packets are filtered by iptables only' } as const
const FOR_PEOPLE = { not: 'nothing depends on it' } as const
const NOTHING_SENT = { not: 'nothing is ever sent' } as const
const NO_OPENSTACK = { not: 'there is no OpenStack metadata service here' } as const

const tcp = (...ports: readonly number[]): FailsafePort[] => ports.map((number) => ({ protocol: 'tcp', port: number }))
const udp = (...ports: readonly number[]): FailsafePort[] => ports.map((number) => ({ protocol: 'udp', port: number }))

const logLevel = oneOf('None', 'Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal')
const toHost = oneOf('Drop', 'Return', 'Accept')
const allow = oneOf('Accept', 'Return')
const deny = oneOf('Drop', 'Reject')
const onOff = oneOf('Disabled', 'Enabled')

// biome-ignore format: a table, one row a line
export const PARAMS = {
  // Process and datastore
  FelixHostname: param(maybeWord, undefined, 'Name of this node; must equal the Node resource. Default: the node-name file, else the host name in lower case.', LOCAL),
  DatastoreType: param(oneOf('etcdv3'), 'etcdv3', 'The datastore.', { ...LOCAL, ...die }),
  EtcdEndpoints: param(word, '', 'Comma list of etcd URLs. The variables ETCD_... and CALICO_ETCD_... are read as well.', LOCAL),
  EtcdAddr: param(word, '127.0.0.1:2379', 'Host and port of etcd when no endpoints are given.', LOCAL),
  EtcdScheme: param(oneOf('http', 'https'), 'http', 'Scheme that goes with EtcdAddr.', LOCAL),
  EtcdKeyFile: param(word, '', 'Client key for etcd.', LOCAL),
  EtcdCertFile: param(word, '', 'Client certificate for etcd.', LOCAL),
  EtcdCaFile: param(word, '', 'Certificate authority of etcd.', LOCAL),
  UseInternalDataplaneDriver: param(bool, true, 'Use the built-in data plane.', NO_EXTERNAL),
  DataplaneDriver: param(word, 'calico-iptables-plugin', 'Program of an external data plane.', NO_EXTERNAL),
  DataplaneWatchdogTimeout: param(seconds, 90_000, 'The data plane loop counts as dead after this time in one pass.'),

  // Interfaces and workload to host
  InterfacePrefix: param(interfacePrefixes, ['cali'], 'What the names of workload interfaces begin with. Traffic of an interface that begins so and is unknown is dropped.', { ...die, nonZero: true }),
  InterfaceExclude: param(interfacePatterns, ['kube-ipvs0'], 'Interfaces whose addresses are ignored.'),
  DefaultEndpointToHostAction: param(toHost, 'Drop', 'What happens to traffic from a workload to its own host that its egress policy allows.', die),
  Ipv6Support: param(bool, true, 'Program IPv6 rules, sets and routes.'),
  IpForwarding: param(oneOf('Enabled', 'Disabled'), 'Enabled', 'Switch on forwarding in the kernel at start.'),
  WorkloadSourceSpoofing: param(oneOf('Disabled', 'Any'), 'Disabled', 'Whether endpoints may list prefixes that they send from without owning them.'),
  AllowVXLANPacketsFromWorkloads: param(bool, false, 'Let workloads send VXLAN packets of their own.'),
  AllowIPIPPacketsFromWorkloads: param(bool, false, 'Let workloads send IP-in-IP packets of their own.'),
  DisableConntrackInvalidCheck: param(bool, false, 'Do not drop packets that connection tracking calls invalid.'),

  // iptables, ipset, nftables
  ChainInsertMode: param(oneOf('insert', 'append'), 'insert', 'Whether our jumps come before or after the rules of others in the kernel chains.', die),
  IptablesBackend: param(oneOf('Auto', 'Legacy', 'NFT'), 'Auto', 'Which iptables to use; Auto takes the one that already holds rules.'),
  IptablesFilterAllowAction: param(allow, 'Accept', 'What an allowed packet meets in the filter table: ACCEPT, or RETURN to the rules of others.', die),
  IptablesMangleAllowAction: param(allow, 'Accept', 'The same for the mangle table.', die),
  IptablesFilterDenyAction: param(deny, 'Drop', 'DROP or REJECT denied packets.', die),
  IptablesRefreshInterval: param(seconds, 180_000, 'Time between full read-backs of the rules; 0 = never.'),
  IptablesPostWriteCheckInterval: param(seconds, 5_000, 'Time from a write to the first read-back; doubles up to an hour.', { env: 'IptablesPostWriteCheckIntervalSecs' }),
  IptablesLockFilePath: param(word, '/run/xtables.lock', 'Lock file of iptables-legacy, shared with other programs.'),
  IptablesLockTimeout: param(seconds, 0, 'How long iptables may wait for its lock; 0 = 10 s.', { env: 'IptablesLockTimeoutSecs' }),
  IptablesLockProbeInterval: param(millis, 50, 'Time between two tries for the lock.', { env: 'IptablesLockProbeIntervalMillis', not: 'current iptables waits on the lock without probing' }),
  IptablesMarkMask: param(mask, 0xffff_0000, 'Bits of the packet mark that Felix may use.', { ...die, nonZero: true }),
  IptablesNATOutgoingInterfaceFilter: param(word, '', 'Masquerade only what leaves by this interface (a trailing + is a wildcard).'),
  IpsetsRefreshInterval: param(seconds, 90_000, 'Time between full read-backs of the IP sets; 0 = never.'),
  MaxIpsetSize: param(int(1, 0x7fff_ffff), 1_048_576, 'Largest number of members of one IP set.', { nonZero: true }),
  NftablesMode: param(oneOf('Disabled', 'Enabled', 'Auto'), 'Disabled', 'Use nftables in place of iptables.', LATER_NFT),
  NftablesRefreshInterval: param(seconds, 180_000, 'Time between full read-backs of the nftables table.', LATER_NFT),
  NftablesFilterAllowAction: param(allow, 'Accept', 'As IptablesFilterAllowAction.', { ...die, ...LATER_NFT }),
  NftablesMangleAllowAction: param(allow, 'Accept', 'As IptablesMangleAllowAction.', { ...die, ...LATER_NFT }),
  NftablesFilterDenyAction: param(deny, 'Drop', 'As IptablesFilterDenyAction.', { ...die, ...LATER_NFT }),
  NftablesMarkMask: param(mask, 0xffff_0000, 'As IptablesMarkMask.', { ...die, nonZero: true, ...LATER_NFT }),

  // Routes and links
  RouteRefreshInterval: param(seconds, 90_000, 'Time between full read-backs of the routes; 0 = never.'),
  InterfaceRefreshInterval: param(seconds, 90_000, 'Time between full read-backs of the interfaces; 0 = never.'),
  NetlinkTimeout: param(seconds, 10_000, 'How long one call to the kernel may take.', { env: 'NetlinkTimeoutSecs', not: 'every call of a tool has a limit of its own' }),
  DeviceRouteProtocol: param(int(0, 255), 3, 'Protocol number of workload routes.'),
  DeviceRouteSourceAddress: param(maybeIpv4, undefined, 'Source address hint of IPv4 workload routes.'),
  DeviceRouteSourceAddressIPv6: param(maybeIp, undefined, 'Source address hint of IPv6 workload routes.'),
  RemoveExternalRoutes: param(bool, true, 'Remove routes of others on workload interfaces.'),
  RouteSyncDisabled: param(bool, false, 'Program no routes at all: policy only.'),
  RouteSource: param(oneOf('CalicoIPAM', 'WorkloadIPs'), 'CalicoIPAM', 'Where routes to other nodes come from.', { not: 'they always come from the blocks of IPAM' }),
  RouteTableRanges: param(tableRanges, [{ min: 1, max: 250 }], 'Kernel routing tables that Felix may use.', LATER_WIREGUARD),
  ProgramClusterRoutes: param(onOff, 'Disabled', 'Program routes of pools without encapsulation; those of pools with it are always programmed. BGPConfiguration has the same switch for BIRD: one of the two should be on.'),
  MtuIfacePattern: param(regex, '^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)', 'Which interfaces the host MTU is read from.'),

  // Tunnels
  IpipEnabled: param(maybeBool, undefined, 'IP-in-IP; unset = on when a pool uses it.', { env: 'IpInIpEnabled' }),
  IpipMTU: param(int(0, 65535), 0, 'MTU of tunl0; 0 = host MTU less 20.', { env: 'IpInIpMtu' }),
  IpipTunnelAddr: param(maybeIpv4, undefined, 'Address of tunl0; from the Node.', { env: 'IpInIpTunnelAddr', ...NO_FIELD, not: 'the Node says it' }),
  VxlanEnabled: param(maybeBool, undefined, 'VXLAN; unset = on when a pool uses it.'),
  VxlanMTU: param(int(0, 65535), 0, 'MTU of vxlan.calico; 0 = host MTU less 50.'),
  VxlanMTUV6: param(int(0, 65535), 0, 'MTU of vxlan-v6.calico; 0 = host MTU less 70.'),
  VxlanPort: param(int(1, 65535), 4789, 'UDP port of VXLAN. Workloads may not send to it.', { nonZero: true }),
  VxlanVNI: param(int(1, 0xff_ffff), 4096, 'VXLAN network identifier.'),
  ExternalNodesList: param(cidrs, [], 'Hosts outside the cluster that may send tunnelled packets.', { env: 'ExternalNodesCIDRList', die: true }),
  WireguardEnabled: param(bool, false, 'Encrypt traffic between nodes.', LATER_WIREGUARD),
  WireguardEnabledV6: param(bool, false, 'Encrypt IPv6 traffic between nodes.', LATER_WIREGUARD),
  WireguardListeningPort: param(port, 51820, 'UDP port of WireGuard.', LATER_WIREGUARD),
  WireguardListeningPortV6: param(port, 51821, 'UDP port of WireGuard for IPv6.', LATER_WIREGUARD),
  WireguardRoutingRulePriority: param(int(1, 32_765), 99, 'Priority of the routing rule.', LATER_WIREGUARD),
  WireguardInterfaceName: param(word, 'wireguard.cali', 'Name of the device.', LATER_WIREGUARD),
  WireguardInterfaceNameV6: param(word, 'wg-v6.cali', 'Name of the IPv6 device.', LATER_WIREGUARD),
  WireguardMTU: param(int(0, 65_535), 0, 'MTU of the device; 0 = host MTU less 60.', LATER_WIREGUARD),
  WireguardMTUV6: param(int(0, 65_535), 0, 'MTU of the IPv6 device; 0 = host MTU less 80.', LATER_WIREGUARD),
  WireguardHostEncryptionEnabled: param(bool, false, 'Encrypt traffic of hosts, too.', LATER_WIREGUARD),
  WireguardThreadingEnabled: param(bool, false, 'Spread the work over processors.', LATER_WIREGUARD),
  WireguardKeepAlive: param(seconds, 0, 'Time between keep-alive packets; 0 = none.', { env: 'WireguardPersistentKeepAlive', ...LATER_WIREGUARD }),

  // Other ways to filter
  XdpEnabled: param(bool, true, 'Drop untracked traffic in the driver.', NO_XDP),
  GenericXDPEnabled: param(bool, false, 'The same for drivers without support.', NO_XDP),
  XdpRefreshInterval: param(seconds, 90_000, 'Time between full read-backs.', NO_XDP),
  BpfEnabled: param(bool, false, 'Use the eBPF data plane.', NO_XDP),

  // NAT and services
  KubeNodePortRanges: param(word, '30000:32767', 'Node ports of Kubernetes.', { field: null, not: 'IPVS is not handled' }),
  MetadataAddr: param(word, '127.0.0.1', 'Address of the metadata service.', NO_OPENSTACK),
  MetadataPort: param(port, 8775, 'Port of the metadata service.', NO_OPENSTACK),
  NatPortRange: param(maybePortRange, undefined, 'Source ports of masqueraded traffic.'),
  NatOutgoingAddress: param(maybeIpv4, undefined, 'Rewrite the source to this address in place of masquerading.'),
  FloatingIPs: param(onOff, 'Disabled', 'Program the external addresses of workloads.'),
  ServiceLoopPrevention: param(oneOf('Drop', 'Reject', 'Disabled'), 'Drop', 'What happens to packets to unclaimed service addresses.'),

  // Established flows
  CutDeniedFlows: param(bool, false, 'Cut established flows of workloads as soon as policy does not allow them any more. Otherwise they go on until they end by themselves.', NO_FIELD),

  // Failsafes and logging of packets
  FailsafeInboundHostPorts: param(failsafePorts, [...tcp(22), ...udp(68), ...tcp(179, 2379, 2380, 5473, 6443, 6666, 6667)], 'Traffic to this host that no host endpoint policy can block.', die),
  FailsafeOutboundHostPorts: param(failsafePorts, [...udp(53, 67), ...tcp(179, 2379, 2380, 5473, 6443, 6666, 6667)], 'Traffic from this host that no host endpoint policy can block.', die),
  LogPrefix: param(word, 'calico-packet', 'Prefix of what the Log action writes.'),
  LogActionRateLimit: param(maybeRate, undefined, 'How often one Log rule may write.'),
  LogActionRateLimitBurst: param(int(0, 9999), 5, 'How many writes may come at once under that limit.'),

  // Logs of Felix
  LogSeverityScreen: param(logLevel, 'Info', 'Least severity that is printed.', live),
  LogSeverityFile: param(logLevel, 'None', 'Least severity that goes to a file. In the container standard output already does, and is rotated.'),
  LogSeveritySys: param(logLevel, 'None', 'Least severity that goes to syslog, through the command logger.'),
  LogFilePath: param(word, '/var/log/calico/felix.log', 'The log file. After it was renamed, SIGHUP makes Felix open it anew.', die),
  LogDebugFilenameRegex: param(regex, '', 'Print debug lines of matching files only.', { not: 'a bundle has no file names; lines carry the component' }),
  DebugDisableLogDropping: param(bool, false, 'Wait for a slow reader of the log.', { not: 'lines are never dropped' }),

  // Status, health, metrics
  ReportingInterval: param(seconds, 30_000, 'Time between two writes of this node\'s status; 0 = none.', { env: 'ReportingIntervalSecs', ...live }),
  ReportingTTL: param(seconds, 90_000, 'The status disappears when it was not written for this long.', { env: 'ReportingTTLSecs', ...live }),
  EndpointReportingEnabled: param(bool, false, 'Write whether each endpoint of this node is up.'),
  EndpointReportingDelay: param(seconds, 1_000, 'Time that an endpoint\'s status waits before it is written, and between two writes.', { env: 'EndpointReportingDelaySecs', ...live }),
  EndpointStatusPathPrefix: param(word, '/var/run/calico', 'Directory that holds endpoint-status/, one file for each endpoint that is programmed; empty = none.'),
  OpenstackRegion: param(word, '', 'Region in the keys of status reports.', die),
  HealthEnabled: param(bool, false, 'Serve /liveness and /readiness.'),
  HealthHost: param(word, 'localhost', 'Address of the health server.'),
  HealthPort: param(port, 9099, 'Port of the health server.'),
  HealthTimeoutOverrides: param(healthTimeouts, [], 'How long a part of Felix may stay silent before it counts as dead.', live),
  PrometheusMetricsEnabled: param(bool, false, 'Serve /metrics.'),
  PrometheusMetricsHost: param(word, '', 'Address of the metrics server; empty = all.'),
  PrometheusMetricsPort: param(port, 9091, 'Port of the metrics server.'),
  PrometheusProcessMetricsEnabled: param(bool, true, 'Also serve figures of the process and of Node.'),
  PrometheusGoMetricsEnabled: param(bool, true, 'Figures of the language runtime.', { not: 'figures of Node go with those of the process' }),
  PrometheusWireGuardMetricsEnabled: param(bool, true, 'Figures of WireGuard.', LATER_WIREGUARD),
  PolicySyncPathPrefix: param(word, '', 'Directory of the policy socket for proxies.', { not: 'requests are not looked into' }),
  FeatureDetectOverride: param(word, '', 'Features of the system, as name=value.', { not: 'nothing is detected that could be overridden' }),
  FeatureGates: param(word, '', 'Experimental features, as name=value.', { not: 'there are none' }),
  DebugHost: param(word, 'localhost', 'Address of the debug server.', { not: 'there is no debug server' }),
  DebugPort: param(port, 0, 'Port of the debug server.', { not: 'there is no debug server' }),
  UsageReportingEnabled: param(bool, false, 'Send anonymous figures to the vendor.', NOTHING_SENT),
  UsageReportingInitialDelay: param(seconds, 300_000, 'Time before the first report.', { env: 'UsageReportingInitialDelaySecs', ...NOTHING_SENT }),
  UsageReportingInterval: param(seconds, 86_400_000, 'Time between two reports.', { env: 'UsageReportingIntervalSecs', ...NOTHING_SENT }),

  // From ClusterInformation
  ClusterGUID: param(word, '', 'Identity of the cluster.', { ...NO_FIELD, ...FOR_PEOPLE }),
  ClusterType: param(word, '', 'What runs on the cluster.', { ...NO_FIELD, ...FOR_PEOPLE }),
  CalicoVersion: param(word, '', 'Version that the cluster was set up with.', { ...NO_FIELD, ...FOR_PEOPLE }),
} satisfies Readonly<Record<string, Param<unknown>>>

export type ParamName = keyof typeof PARAMS

/** The value of every parameter. Durations are milliseconds. */
export type FelixConfig = {
  readonly [K in ParamName]: (typeof PARAMS)[K] extends Param<infer T> ? T : never
}
