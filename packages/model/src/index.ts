export {
  bitsOf,
  compareIps,
  findIp,
  findIpv4,
  findIpv6,
  ipFromBigInt,
  ipToBigInt,
  isIpv4,
  nextIp,
  parseIp,
  parseIpv4,
  parseIpv6,
  type Ip,
  type IpVersion,
} from './address/ip.ts'
export type { Ipv4 } from './address/ipv4.ts'
export type { Ipv6 } from './address/ipv6.ts'
export {
  cidrBase,
  cidrContains,
  cidrOf,
  cidrOverlaps,
  cidrPrefixLength,
  cidrSize,
  compareCidrs,
  findCidr,
  findIpInterface,
  findNet,
  hostCidr,
  ipVersion,
  isCidr4,
  parseCidr,
  parseIpInterface,
  parseNet,
  type Cidr,
  type Cidr4,
  type Cidr6,
  type CidrText,
  type IpInterface,
} from './address/cidr.ts'
export { findMac, parseMac, type Mac } from './address/mac.ts'
export { findAsNumber, parseAsNumber, type AsNumber } from './text/as-number.ts'
export { findDuration, parseDuration, printDuration, type DurationText } from './text/duration.ts'
export {
  findInterfaceName,
  findNodeName,
  findResourceName,
  parseInterfaceName,
  parseNodeName,
  areConfusable,
  NAME_RULE,
  parseResourceName,
  type InterfaceName,
  type NodeName,
  type ResourceName,
} from './text/names.ts'
export {
  findPort,
  findProtocol,
  hasPorts,
  portRange,
  protocolNumber,
  type Port,
  type PortName,
  type PortRange,
  type PortRangeText,
  type Protocol,
  type ProtocolName,
} from './text/port.ts'
export { parsePeerIp, type PeerAddress, type PeerIp } from './text/peer-ip.ts'

export { parseBigJson, printBigJson } from './json/big-json.ts'
export { describeProblems, type Problem } from './schema/problem.ts'
export { isLabelKey, isLabelValue } from './schema/label-rules.ts'

export { ALL_KINDS, isKind, type Kind, type SpecOf, type StatusOf } from './kinds/table.ts'
export { describeKind, type FieldDescription } from './kinds/describe.ts'
export { findKind, kindInfo, type KindInfo } from './kinds/info.ts'
export { jsonSchemaOf } from './kinds/json-schema.ts'
export type { BGPConfigurationSpec } from './kinds/bgp-configuration.ts'
export type { BGPFilterSpec } from './kinds/bgp-filter.ts'
export type { BGPPeerSpec } from './kinds/bgp-peer.ts'
export type { CalicoNodeStatusSpec, CalicoNodeStatusStatus } from './kinds/calico-node-status.ts'
export type { ClusterInformationSpec } from './kinds/cluster-information.ts'
export type { FelixConfigurationSpec } from './kinds/felix-configuration.ts'
export type { HostEndpointSpec } from './kinds/host-endpoint.ts'
export { poolOverlapProblems, type IPPoolSpec } from './kinds/ip-pool.ts'
export type { IPReservationSpec } from './kinds/ip-reservation.ts'
export type { KubeControllersConfigurationSpec } from './kinds/kube-controllers-configuration.ts'
export type { NetworkSetSpec } from './kinds/network-set.ts'
export type { NodeSpec, NodeStatus } from './kinds/node.ts'
export type {
  GlobalNetworkPolicySpec,
  NetworkPolicySpec,
  StagedGlobalNetworkPolicySpec,
  StagedNetworkPolicySpec,
} from './kinds/policy.ts'
export type { ProfileSpec } from './kinds/profile.ts'
export type { EntityRuleSpec, RuleSpec } from './kinds/rule.ts'
export { FIXED_TIER_ORDERS, type TierSpec } from './kinds/tier.ts'
export type { WorkloadEndpointSpec } from './kinds/workload-endpoint.ts'

export { decodeResource, encodeResource, type StoredAt } from './resource/codec.ts'
export { legacyName } from './resource/legacy-name.ts'
export type { Metadata } from './resource/metadata.ts'
export { makeResource, parseResource } from './resource/parse.ts'
export {
  DEFAULT_TIER,
  isPolicyKind,
  NAME_ANNOTATION,
  policyStorageName,
  TIER_LABEL,
  tierOfStorageName,
} from './resource/policy-name.ts'
export { resolvePolicyNames, type StoredPolicy } from './resource/policy-shadow.ts'
export { referencesOf, type Reference } from './resource/references.ts'
export { prepareCreate, prepareUpdate, type Birth } from './resource/prepare.ts'
export {
  API_VERSION,
  type AnyResource,
  type BGPConfigurationResource,
  type BGPFilterResource,
  type BGPPeerResource,
  type CalicoNodeStatusResource,
  type ClusterInformationResource,
  type FelixConfigurationResource,
  type GlobalNetworkPolicyResource,
  type GlobalNetworkSetResource,
  type HostEndpointResource,
  type IPPoolResource,
  type IPReservationResource,
  type NetworkPolicyResource,
  type NetworkSetResource,
  type NodeResource,
  type ProfileResource,
  type Resource,
  type ResourceShape,
  type SpecInput,
  type TierResource,
  type WorkloadEndpointResource,
} from './resource/resource.ts'
export { DEFAULT_ALLOW_PROFILE, defaultAllowProfile } from './resource/virtual-profile.ts'
export {
  findWorkloadEndpointName,
  parseWorkloadEndpointName,
  workloadEndpointName,
  workloadNamePrefix,
  type ParsedWorkloadName,
  type WorkloadIdentity,
} from './resource/workload-name.ts'

export {
  AFFINITY_PREFIX,
  affinityKey,
  affinityPrefix,
  BLOCK_PREFIX,
  blockKey,
  blockPrefix,
  findAffinityKey,
  findBlockKey,
  findHandleKey,
  HANDLE_PREFIX,
  handleKey,
  IPAM_CONFIG_KEY,
  VIRTUAL_AFFINITY_PREFIX,
  virtualAffinityKey,
  type AffinityOwner,
} from './keys/ipam-key.ts'
export {
  findResourceKey,
  resourceKey,
  resourceKeys,
  resourcePrefix,
  RESOURCES_PREFIX,
  type ResourceKey,
} from './keys/resource-key.ts'
export {
  felixLastReportedStatusKey,
  felixStatusKey,
  findWorkloadStatusKey,
  hostEndpointStatusKey,
  hostEndpointStatusPrefix,
  workloadStatusKey,
  workloadStatusPrefix,
  type WorkloadStatusId,
} from './keys/status-key.ts'
export {
  decodeHostReport,
  encodeHostReport,
  HOST_REPORT_FILE,
  HOST_REPORT_PREFIX,
  HOST_REPORT_REFRESH_MS,
  isStaleReport,
  type HostReport,
  hostReportKey,
} from './report/host-report.ts'
export {
  decodeAffinity,
  decodeBlock,
  decodeHandle,
  decodeIpamConfig,
  encodeAffinity,
  encodeBlock,
  encodeHandle,
  encodeIpamConfig,
  type AffinityState,
  type BlockAffinity,
  type IpamAttribute,
  type IpamBlock,
  type IpamConfig,
  type IpamHandle,
  type RecordAt,
} from './ipam/codec.ts'
