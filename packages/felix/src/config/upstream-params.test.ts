/** Upstream's parameters, written down from its documentation, against our table and the reference made of it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Param, PARAMS } from './params.ts'
import { envName, fieldName } from './resolve.ts'

/** Name in the environment, field of FelixConfiguration (`-` = none), default as text. A table. */
const UPSTREAM = `
DatastoreType - etcdv3
EtcdEndpoints -
EtcdAddr - 127.0.0.1:2379
EtcdScheme - http
EtcdKeyFile -
EtcdCertFile -
EtcdCaFile -
FelixHostname -
InterfacePrefix interfacePrefix cali
InterfaceExclude interfaceExclude kube-ipvs0
ChainInsertMode chainInsertMode insert
DefaultEndpointToHostAction defaultEndpointToHostAction Drop
IptablesFilterAllowAction iptablesFilterAllowAction Accept
IptablesMangleAllowAction iptablesMangleAllowAction Accept
IptablesFilterDenyAction iptablesFilterDenyAction Drop
IptablesBackend iptablesBackend Auto
NFTablesMode nftablesMode Disabled
IptablesRefreshInterval iptablesRefreshInterval 3m0s
IptablesPostWriteCheckIntervalSecs iptablesPostWriteCheckInterval 5s
IptablesLockTimeoutSecs iptablesLockTimeout 0s
IptablesLockProbeIntervalMillis iptablesLockProbeInterval 50ms
IptablesMarkMask iptablesMarkMask 0xffff0000
IpsetsRefreshInterval ipsetsRefreshInterval 1m30s
MaxIpsetSize maxIpsetSize 1048576
RouteRefreshInterval routeRefreshInterval 1m30s
InterfaceRefreshInterval interfaceRefreshInterval 1m30s
DeviceRouteProtocol deviceRouteProtocol 3
DeviceRouteSourceAddress deviceRouteSourceAddress
RemoveExternalRoutes removeExternalRoutes true
RouteSyncDisabled routeSyncDisabled false
RouteSource routeSource CalicoIPAM
ProgramClusterRoutes programClusterRoutes Disabled
IPForwarding ipForwarding Enabled
Ipv6Support ipv6Support true
IpInIpEnabled ipipEnabled
IpInIpMtu ipipMTU 0
VXLANEnabled vxlanEnabled
VXLANMTU vxlanMTU 0
VXLANPort vxlanPort 4789
VXLANVNI vxlanVNI 4096
FailsafeInboundHostPorts failsafeInboundHostPorts tcp:22,udp:68,tcp:179,tcp:2379,tcp:2380,tcp:5473,tcp:6443,tcp:6666,tcp:6667
FailsafeOutboundHostPorts failsafeOutboundHostPorts udp:53,udp:67,tcp:179,tcp:2379,tcp:2380,tcp:5473,tcp:6443,tcp:6666,tcp:6667
LogPrefix logPrefix calico-packet
LogActionRateLimit logActionRateLimit
LogActionRateLimitBurst logActionRateLimitBurst 5
LogSeverityScreen logSeverityScreen Info
LogSeverityFile logSeverityFile Info
LogSeveritySys logSeveritySys Info
LogFilePath logFilePath /var/log/calico/felix.log
LogDebugFilenameRegex logDebugFilenameRegex
DebugDisableLogDropping debugDisableLogDropping false
HealthEnabled healthEnabled false
HealthHost healthHost localhost
HealthPort healthPort 9099
HealthTimeoutOverrides healthTimeoutOverrides
PrometheusMetricsEnabled prometheusMetricsEnabled false
PrometheusMetricsPort prometheusMetricsPort 9091
ReportingIntervalSecs reportingInterval 30s
ReportingTTLSecs reportingTTL 1m30s
EndpointReportingEnabled endpointReportingEnabled false
EndpointReportingDelaySecs endpointReportingDelay 1s
EndpointStatusPathPrefix endpointStatusPathPrefix /var/run/calico
OpenstackRegion openstackRegion
FloatingIPs floatingIPs Disabled
WorkloadSourceSpoofing workloadSourceSpoofing Disabled
ServiceLoopPrevention serviceLoopPrevention Drop
NATPortRange natPortRange
NATOutgoingAddress natOutgoingAddress
IptablesNATOutgoingInterfaceFilter iptablesNATOutgoingInterfaceFilter
ExternalNodesCIDRList externalNodesList
DisableConntrackInvalidCheck disableConntrackInvalidCheck false
AllowVXLANPacketsFromWorkloads allowVXLANPacketsFromWorkloads false
AllowIPIPPacketsFromWorkloads allowIPIPPacketsFromWorkloads false
NetlinkTimeoutSecs netlinkTimeout 10s
DataplaneWatchdogTimeout dataplaneWatchdogTimeout 1m30s
UsageReportingEnabled usageReportingEnabled true
`
  .trim()
  .split('\n')
  .map((row) => row.split(' '))

/** Ours on purpose: standard output is what the container keeps, and nothing is ever sent to anybody. */
const OTHER_DEFAULT = ['LogSeverityFile', 'LogSeveritySys', 'UsageReportingEnabled']

describe("upstream's parameters", () => {
  const table: [string, Param<unknown>][] = Object.entries(PARAMS)
  const reference = readFileSync(
    new URL('../../../../docs/reference/felix-configuration.md', import.meta.url),
    'utf8',
  ).split('\n')

  for (const [env = '', field = '', text = ''] of UPSTREAM) {
    test(`${env} is known by both names, has its default, and is in the reference as working or with a reason`, () => {
      const [key, param] =
        table.find(([each, row]) => envName(each, row).toLowerCase() === env.toLowerCase()) ?? assert.fail(`no ${env}`)
      assert.equal(fieldName(key, param) ?? '-', field)
      if (!OTHER_DEFAULT.includes(env)) assert.equal(param.type.print(param.default), text)
      const row = reference.find((each) => each.startsWith(`| \`${envName(key, param)}\` |`)) ?? ''
      assert.ok(row.endsWith(`| ${(param.not ?? param.doc).replaceAll('|', '\\|')} |`), row)
    })
  }
})
