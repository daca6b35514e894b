export {
  bitsOf, compareIps, findIp, findIpv4, findIpv6, ipFromBigInt, ipToBigInt, isIpv4, nextIp, parseIp, parseIpv4, parseIpv6,
  type Ip, type IpVersion,
} from './address/ip.ts'
export type { Ipv4 } from './address/ipv4.ts'
export type { Ipv6 } from './address/ipv6.ts'
export {
  cidrBase, cidrContains, cidrOf, cidrOverlaps, cidrPrefixLength, cidrSize, compareCidrs, findCidr, findIpInterface, findNet,
  hostCidr, ipVersion, isCidr4, parseCidr, parseIpInterface, parseNet,
  type Cidr, type Cidr4, type Cidr6, type CidrText, type IpInterface,
} from './address/cidr.ts'
export { findMac, parseMac, type Mac } from './address/mac.ts'
export { findAsNumber, parseAsNumber, type AsNumber } from './text/as-number.ts'
export { findDuration, parseDuration, printDuration, type DurationText } from './text/duration.ts'
export {
  findInterfaceName, findNodeName, findResourceName, parseInterfaceName, parseNodeName, parseResourceName,
  type InterfaceName, type NodeName, type ResourceName,
} from './text/names.ts'
export {
  findPort, findProtocol, hasPorts, portRange, protocolNumber,
  type Port, type PortName, type PortRange, type PortRangeText, type Protocol, type ProtocolName,
} from './text/port.ts'
