/**
 * FelixConfiguration: one row a field (a table: it may be longer than other files).
 *
 * Writers obey the table. Readers take any text, number, boolean or list where the table says so in shape: Felix judges
 * each value by itself and goes on with its default where one is bad, which a refused resource would not allow.
 */
import { z } from 'zod'
import {
  bool,
  cidrText4,
  doc,
  duration,
  integer,
  interfaceName,
  ip,
  ipv4,
  list,
  meaningfulList,
  netOrEmpty,
  numericPort,
  object,
  oneOf,
  opt,
  pattern,
  portNumber,
  protocol,
  text,
} from '../schema/fields.ts'
import { unwrapped } from '../schema/meta.ts'
import { once } from '../schema/once.ts'
import type { KindDefinition } from './definition.ts'

const logLevel = (where: string) =>
  opt(oneOf('Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'), `Least severity of what goes ${where}.`, {
    fallback: 'Info',
  })
const enabled = (description: string, fallback: 'Enabled' | 'Disabled') =>
  opt(oneOf('Enabled', 'Disabled'), description, { fallback })
const on = (description: string, fallback?: string) =>
  opt(bool(), description, fallback === undefined ? {} : { fallback })
const time = (description: string, fallback: string) => opt(duration(), description, { fallback })
const number = (min: number, max: number, description: string, fallback?: string) =>
  opt(integer(min, max), description, fallback === undefined ? {} : { fallback })
const word = (description: string, fallback?: string) =>
  opt(text(), description, fallback === undefined ? {} : { fallback })
const mtu = (device: string) => number(0, 65_535, `MTU of the ${device} device; 0 = from the host.`, '0')
const action = <const T extends readonly string[]>(description: string, ...words: T) =>
  opt(oneOf(...words), description, { fallback: String(words[0]) })

const INT32 = 0x7fff_ffff
const failsafePorts = () =>
  meaningfulList(
    object({
      protocol: opt(protocol(), 'TCP or UDP; absent: TCP.'),
      port: doc(integer(0, 65_535), 'The port.'),
      net: doc(netOrEmpty().prefault(''), 'Only this network; empty: all.', { keepZero: true }),
    }),
  )
const range = (max: number) =>
  object({
    min: doc(integer(1, max), 'First table.'),
    max: doc(integer(1, max), 'Last table.'),
  })

/** Made at first use: to make two hundred fields takes a program that runs once longer than all other kinds together. */
const fields = once(() => ({
  useInternalDataplaneDriver: on('Use the built-in data plane.', 'true'),
  dataplaneDriver: word('Program of an external data plane.'),
  dataplaneWatchdogTimeout: time('The data plane counts as dead after this time in one pass.', '90s'),
  ipv6Support: on('Program IPv6.', 'true'),
  routeRefreshInterval: time('Time between full read-backs of the routes; 0 = never.', '90s'),
  interfaceRefreshInterval: time('Time between full read-backs of the interfaces.', '90s'),
  iptablesRefreshInterval: time('Time between full read-backs of the rules; 0 = never.', '3m0s'),
  iptablesPostWriteCheckInterval: time('Time from a write to the first read-back.', '5s'),
  iptablesLockFilePath: word('Lock file of iptables.', '/run/xtables.lock'),
  iptablesLockTimeout: time('How long iptables waits for its lock.', '0s'),
  iptablesLockProbeInterval: time('Time between two tries for the lock.', '50ms'),
  featureDetectOverride: word('Kernel features to take as present or absent: name=true,...'),
  featureGates: word('Feature switches: name=value,...'),
  ipsetsRefreshInterval: time('Time between full read-backs of the IP sets; 0 = never.', '90s'),
  maxIpsetSize: number(1, INT32, 'Largest IP set.', '1048576'),
  iptablesBackend: opt(oneOf('Auto', 'Legacy', 'NFT'), 'Variant of iptables.', { fallback: 'Auto' }),
  netlinkTimeout: time('How long one call to the kernel may take.', '10s'),
  metadataAddr: word('Address of the OpenStack metadata service, or None.', '127.0.0.1'),
  metadataPort: number(0, 65_535, 'Port of the OpenStack metadata service.', '8775'),
  openstackRegion: opt(
    pattern(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a DNS label'),
    'Region; part of the status keys.',
  ),
  interfacePrefix: word('What names of workload interfaces begin with; comma-separated.', 'cali'),
  interfaceExclude: word(
    'Interfaces that are not of the host; comma-separated, /regular expressions/ allowed.',
    'kube-ipvs0',
  ),
  chainInsertMode: opt(
    oneOf('Insert', 'Append', 'insert', 'append'),
    'Whether our rules come before or after those of others.',
    { fallback: 'Insert' },
  ),
  defaultEndpointToHostAction: action(
    'What happens to traffic from workloads to their host.',
    'Drop',
    'Return',
    'Accept',
  ),
  iptablesFilterAllowAction: action('What an allowed packet meets in the filter table.', 'Accept', 'Return'),
  iptablesMangleAllowAction: action('What an allowed packet meets in the mangle table.', 'Accept', 'Return'),
  iptablesFilterDenyAction: action('What a denied packet meets.', 'Drop', 'Reject'),
  logPrefix: word('Prefix of what the action Log writes.', 'calico-packet'),
  logActionRateLimit: opt(
    pattern(/^\d+\/(second|minute|hour|day)$/, 'a rate such as 10/second'),
    'How often one Log rule may write.',
  ),
  logActionRateLimitBurst: number(0, 9999, 'How many writes may come at once.', '5'),
  logFilePath: word('Log file.', '/var/log/calico/felix.log'),
  logSeverityFile: logLevel('to the file'),
  logSeverityScreen: logLevel('to standard output'),
  logSeveritySys: logLevel('to syslog'),
  logDebugFilenameRegex: word('Debug lines only from source files that match.'),
  debugDisableLogDropping: on('Wait for a slow reader of the log.', 'false'),
  ipipEnabled: on('Use IP-in-IP.', 'whether a pool uses it'),
  ipipMTU: mtu('IP-in-IP'),
  vxlanEnabled: on('Use VXLAN.', 'whether a pool uses it'),
  vxlanMTU: mtu('VXLAN'),
  vxlanMTUV6: mtu('IPv6 VXLAN'),
  vxlanPort: number(1, 65_535, 'UDP port of VXLAN.', '4789'),
  vxlanVNI: number(1, 0xff_ffff, 'VXLAN network identifier.', '4096'),
  allowVXLANPacketsFromWorkloads: on('Let workloads send VXLAN packets.', 'false'),
  allowIPIPPacketsFromWorkloads: on('Let workloads send IP-in-IP packets.', 'false'),
  mtuIfacePattern: word('Interfaces that the MTU of the host is read from; a regular expression.'),
  reportingInterval: time('Time between status reports; 0 = none.', '30s'),
  reportingTTL: time('How long a status report lives.', '1m30s'),
  endpointReportingEnabled: on('Report the state of endpoints.', 'false'),
  endpointReportingDelay: time('Time between two reports of endpoints.', '1s'),
  endpointStatusPathPrefix: word('Directory for files about endpoints, for the CNI plugin.', '/var/run/calico'),
  iptablesMarkMask: number(0, 0xffff_ffff, 'Bits of the packet mark that Felix may use.', '4294901760'),
  nftablesMode: opt(oneOf('Disabled', 'Enabled', 'Auto'), 'Use nftables in place of iptables.', {
    fallback: 'Disabled',
  }),
  nftablesRefreshInterval: time('Time between full read-backs of the nftables table.', '3m0s'),
  nftablesFilterAllowAction: action('As iptablesFilterAllowAction.', 'Accept', 'Return'),
  nftablesMangleAllowAction: action('As iptablesMangleAllowAction.', 'Accept', 'Return'),
  nftablesFilterDenyAction: action('As iptablesFilterDenyAction.', 'Drop', 'Reject'),
  nftablesMarkMask: number(0, 0xffff_ffff, 'As iptablesMarkMask.', '4294901760'),
  disableConntrackInvalidCheck: on('Do not drop packets that connection tracking calls invalid.', 'false'),
  healthEnabled: on('Serve /liveness and /readiness.', 'false'),
  healthHost: word('Address of the health service.', 'localhost'),
  healthPort: number(0, 65_535, 'Port of the health service.', '9099'),
  healthTimeoutOverrides: opt(
    list(
      object({
        name: doc(text(), 'Name of the reporter.'),
        timeout: doc(duration(), 'Its time limit.'),
      }),
    ),
    'Other time limits of health reporters.',
  ),
  debugHost: word('Address of the debug service.', 'localhost'),
  debugPort: number(0, 65_535, 'Port of the debug service; 0 = none.', '0'),
  prometheusMetricsEnabled: on('Serve /metrics.', 'false'),
  prometheusMetricsHost: word('Address of the metrics service.', 'all'),
  prometheusMetricsPort: number(0, 65_535, 'Port of the metrics service.', '9091'),
  prometheusGoMetricsEnabled: on('Metrics of the runtime.', 'true'),
  prometheusProcessMetricsEnabled: on('Metrics of the process.', 'true'),
  prometheusWireGuardMetricsEnabled: on('Metrics of WireGuard.', 'true'),
  failsafeInboundHostPorts: opt(failsafePorts(), 'Traffic to the host that no policy can block. An empty list: none.'),
  failsafeOutboundHostPorts: opt(
    failsafePorts(),
    'Traffic from the host that no policy can block. An empty list: none.',
  ),
  kubeNodePortRanges: opt(meaningfulList(numericPort(), 7), 'Ports of Kubernetes services on nodes.', {
    fallback: '30000:32767',
  }),
  policySyncPathPrefix: word('Directory of the policy sync socket.'),
  usageReportingEnabled: on('Report use to the makers of Calico.', 'true'),
  usageReportingInitialDelay: time('Time to the first report of use.', '5m0s'),
  usageReportingInterval: time('Time between reports of use.', '24h0m0s'),
  natPortRange: opt(numericPort(), 'Source ports of masqueraded traffic.'),
  natOutgoingAddress: opt(ipv4(), 'Rewrite sources to this address in place of masquerading.'),
  iptablesNATOutgoingInterfaceFilter: word('Masquerade only what leaves by this interface.'),
  deviceRouteSourceAddress: opt(ipv4(), 'Source address hint of workload routes.'),
  deviceRouteSourceAddressIPv6: opt(ip(), 'Source address hint of IPv6 workload routes.'),
  deviceRouteProtocol: number(0, 255, 'Protocol number of workload routes.', '3'),
  removeExternalRoutes: on('Remove routes of others on workload interfaces.', 'true'),
  programClusterRoutes: enabled('Felix programs routes between nodes of all pools.', 'Disabled'),
  ipForwarding: enabled('Switch on forwarding in the kernel.', 'Enabled'),
  externalNodesList: opt(meaningfulList(cidrText4()), 'Hosts outside the cluster that may send tunnelled packets.'),
  bpfLogLevel: doc(text().default(''), 'Belongs to the eBPF data plane, which is not built.', { keepZero: true }),
  bpfConnectTimeLoadBalancing: word('Belongs to the eBPF data plane; stored for other components.'),
  bpfHostNetworkedNATWithoutCTLB: word('Belongs to the eBPF data plane; stored for other components.'),
  routeSource: opt(oneOf('WorkloadIPs', 'CalicoIPAM'), 'Where routes to other nodes come from.', {
    fallback: 'CalicoIPAM',
  }),
  routeTableRange: opt(range(250), 'Old form of routeTableRanges.'),
  routeTableRanges: opt(meaningfulList(range(0xffff_ffff)), 'Kernel routing tables that Felix may use.', {
    fallback: '1 to 250',
  }),
  routeSyncDisabled: on('Program no routes.', 'false'),
  wireguardEnabled: on('Encrypt traffic between nodes.', 'false'),
  wireguardEnabledV6: on('Encrypt IPv6 traffic between nodes.', 'false'),
  wireguardListeningPort: opt(portNumber(), 'UDP port of WireGuard.', { fallback: '51820' }),
  wireguardListeningPortV6: opt(portNumber(), 'UDP port of IPv6 WireGuard.', { fallback: '51821' }),
  wireguardRoutingRulePriority: number(1, 32_765, 'Priority of the WireGuard routing rule.', '99'),
  wireguardInterfaceName: opt(interfaceName(), 'WireGuard device.', { fallback: 'wireguard.cali' }),
  wireguardInterfaceNameV6: opt(interfaceName(), 'IPv6 WireGuard device.', { fallback: 'wg-v6.cali' }),
  wireguardMTU: mtu('WireGuard'),
  wireguardMTUV6: mtu('IPv6 WireGuard'),
  wireguardHostEncryptionEnabled: on('Encrypt traffic of the hosts themselves, too.', 'false'),
  wireguardThreadingEnabled: on('Let the kernel use threads for WireGuard.', 'false'),
  wireguardKeepAlive: time('Time between keepalives; 0 = none.', '0s'),
  xdpEnabled: on('Use XDP for untracked deny rules.', 'true'),
  genericXDPEnabled: on('Use XDP without driver support.', 'false'),
  xdpRefreshInterval: time('Time between full read-backs of XDP state.', '90s'),
  serviceLoopPrevention: action(
    'What happens to packets to unclaimed service addresses.',
    'Drop',
    'Reject',
    'Disabled',
  ),
  workloadSourceSpoofing: action('Whether endpoints may list prefixes to spoof.', 'Disabled', 'Any'),
  floatingIPs: enabled('Program the floating addresses of workloads.', 'Disabled'),
}))

const felixConfigurationSpec = once(() => object(fields()))

type Fields = ReturnType<typeof fields>
/** As stored: the shape is right, the values are for Felix to judge. */
export type FelixConfigurationSpec = { readonly [Field in keyof Fields]?: Stored<z.input<Fields[Field]>> }
type Stored<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T extends readonly unknown[]
        ? readonly unknown[]
        : T

/** The same fields with nothing but the JSON type asked for. */
const felixConfigurationRead = once(() =>
  object(Object.fromEntries(Object.entries(fields()).map(([name, field]) => [name, jsonType(field).optional()]))),
)

function jsonType(field: z.core.$ZodType): z.ZodType {
  const inner = unwrapped(field)
  if (inner instanceof z.ZodNumber) return z.number()
  if (inner instanceof z.ZodBoolean) return z.boolean()
  if (inner instanceof z.ZodArray) return z.array(z.unknown())
  if (inner instanceof z.ZodUnion) return z.union([z.number(), z.string()], { error: 'must be a number or a string' })
  return inner instanceof z.ZodObject ? z.looseObject({}) : z.string()
}

export const felixConfiguration: KindDefinition<ReturnType<typeof felixConfigurationSpec>, FelixConfigurationSpec> = {
  plural: 'felixconfigurations',
  namespaced: false,
  aliases: ['felixconfig', 'felixconfigs'],
  summary: 'Parameters of Felix for all nodes ("default") or for one ("node.NAME").',
  get spec() {
    return felixConfigurationSpec()
  },
  get readSpec() {
    return felixConfigurationRead()
  },
  complete: (spec) => ({
    ...spec,
    floatingIPs: spec.floatingIPs ?? 'Disabled',
    bpfConnectTimeLoadBalancing: spec.bpfConnectTimeLoadBalancing ?? 'TCP',
    bpfHostNetworkedNATWithoutCTLB: spec.bpfHostNetworkedNATWithoutCTLB ?? 'Enabled',
  }),
}
