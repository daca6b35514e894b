export { addIp, removeIp, type AddIpRequest, type RemoveIpRequest } from './address-changes.ts'
export { parseAddressWish, type AddressWish } from './addresses.ts'
export { linkLocalOf, type GatewayKind } from './gateways.ts'
export { endpointNameOf, handleOf, HOST_MAC, hostInterfaceOf, randomMac, type WorkloadId } from './identity.ts'
export {
  addWorkload,
  findEndpoints,
  removeWorkload,
  type AddWorkloadRequest,
  type ExtraSpec,
  type RemoveOptions,
  type RemovedWorkload,
  type WorkloadContext,
  type WorkloadEndpoint,
} from './workload.ts'
