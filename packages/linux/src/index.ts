export type {
  Chain,
  ConntrackState,
  Action,
  Hook,
  IpSet,
  IpVersion,
  Match,
  PortRange,
  Rule,
  Side,
  Table,
} from './rules/types.ts'
export type {
  Conntrack,
  TrackedFlow,
  TrackedFlows,
  Driver,
  Entries,
  ForwardingEntry,
  IpSets,
  Link,
  LinkEvent,
  LinkMonitor,
  Neighbour,
  Route,
  Routes,
  RuleTable,
  Sysctl,
  TunnelDevice,
  TunnelDevices,
  VxlanParameters,
} from './ports.ts'
export {
  chainName,
  DEFAULT_ROUTE_OWNERSHIP,
  isOurChain,
  isOurIpSet,
  isVxlanDevice,
  isWorkloadDevice,
  MAX_CHAIN_NAME,
  MAX_SET_NAME,
  namedPortSetId,
  ownsRoute,
  ROUTE_CLASSES,
  ROUTE_PROTOCOL,
  ROUTE_PROTOCOL_BIRD,
  ROUTE_PROTOCOL_BOOT,
  RULE_ID_PREFIX,
  selectorSetId,
  setName,
  TUNNEL_DEVICES,
  WORKLOAD_PREFIX,
  type RouteOwnership,
} from './ownership.ts'
export { meteredTool, run, runTool, type RunOptions, type Tool, type ToolCall } from './run.ts'
export { netnsPath, runIn, type Netns } from './netns.ts'
export { renderRule } from './rules/render-iptables.ts'
export { createRuleTable, type IptablesVariant, type RuleTableOptions } from './iptables/table.ts'
export {
  chooseVariant,
  cleanOtherVariant,
  detectIptables,
  type DetectOptions,
  type IptablesChoice,
  type Leftover,
  type VariantSurvey,
} from './iptables/detect.ts'
export { createRuleMonitor, type RuleHint, type RuleMonitor } from './iptables/rule-monitor.ts'
export { createIpSets, type IpSetsOptions } from './ipsets.ts'
export { createRoutes, type RoutesOptions } from './routes.ts'
export { createForwarding, listForwarding } from './forwarding.ts'
export { createTunnelDevices } from './tunnel-devices.ts'
export { createNeighbours, type NeighboursOptions } from './neighbours.ts'
export { createLinkMonitor, type LinkMonitorOptions } from './link-monitor.ts'
export { createSyslog, type Syslog } from './syslog.ts'
export { createSysctl, findSysctlRoot, type SysctlOptions } from './sysctl.ts'
export { createConntrack } from './conntrack.ts'
export { loadKernelModule } from './kernel-module.ts'
export { createTrackedFlows } from './tracked-flows.ts'
export { readRuleCounters, type CountedChain, type CountedRule } from './rule-counters.ts'
export {
  findLeftovers,
  removeLeftovers,
  removeRoutes,
  type LeftoverOptions,
  type LeftoverRoute,
  type Leftovers,
  type LeftoverTable,
} from './leftovers.ts'
export { IpBatch } from './ip-batch.ts'
export type { InterfaceAddress, KernelNeighbour, KernelRoute, LinkDetail } from './ip-json.ts'
export {
  addAddress,
  addVeth,
  deleteLink,
  findLink,
  findRouteTo,
  isAbsent,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  moveLink,
  removeAddress,
  removeRoute,
  renameLink,
  replaceNeighbour,
  replaceRoute,
  setLink,
  type At,
  type LinkChange,
  type VethEnd,
} from './links.ts'
export {
  addProxyNeighbour,
  demoteRoute,
  listDeviceRoutes,
  listPlainDefaultRoutes,
  putRoutesBack,
  restoreRoute,
  writeSysctlIn,
} from './workload-links.ts'
