/** What Docker can ask for and Calico cannot do. Each is told in the words of the command line. Pure. */
import { CalicoError } from '@calico-node/core'
import type { EndpointRequest, NetworkRequest, PoolRequest } from './requests.ts'

/** Marks a request for the address of a gateway, and the gateway among the data of a pool. */
export const GATEWAY = 'com.docker.network.gateway'
const GENERIC = 'com.docker.network.generic'
const INTERNAL = 'com.docker.network.internal'
const KNOWN: ReadonlySet<string> = new Set(['com.docker.network.enable_ipv6', GENERIC])

/** What Calico's IPAM driver tells Docker as gateways, so that it does not ask for addresses for them. */
export const NO_GATEWAY = { 4: '0.0.0.0/0', 6: '::/0' } as const

/** @throws UNSUPPORTED */
export function assertPoolOptions({ SubPool, Options }: PoolRequest): void {
  if (SubPool !== '') {
    const instead = 'make an IPPool of that range and give it as --subnet'
    throw refusal('Calico IPAM does not support --ip-range', instead)
  }
  const names = Object.keys(Options ?? {})
  if (names.length > 0) throw refusal(`Calico IPAM does not support --ipam-opt ${names.join(', ')}`)
}

/** @throws UNSUPPORTED */
export function assertNoGateway(Options: PoolRequest['Options']): void {
  if (Options?.['RequestAddressType'] !== GATEWAY) return
  throw refusal('Calico IPAM does not support --gateway', 'the gateway of every container is its host')
}

/** @throws UNSUPPORTED for an option; INVALID when another IPAM driver made the network's pools */
export function assertNetworkOptions({ Options, IPv4Data, IPv6Data }: NetworkRequest): void {
  const generic = Options?.[GENERIC]
  const flags = [
    ...Object.entries(Options ?? {}).flatMap(([key, value]) => (KNOWN.has(key) || value === false ? [] : [key])),
    ...(typeof generic === 'object' && generic !== null ? Object.keys(generic) : []),
  ].map((flag) => (flag === INTERNAL ? '--internal' : flag))
  if (flags.length > 0) {
    const instead = flags.includes('--internal') ? 'write a policy for the containers of the network' : undefined
    throw refusal(`Calico driver does not support the flag ${flags.join(', ')}`, instead)
  }
  const data = [...(IPv4Data ?? []), ...(IPv6Data ?? [])]
  if (data.some(({ Gateway }) => Gateway !== NO_GATEWAY[4] && Gateway !== NO_GATEWAY[6])) {
    throw new CalicoError(
      'INVALID',
      'Non-Calico IPAM driver is used: create the network with --ipam-driver calico-ipam',
    )
  }
  if (data.some(({ AuxAddresses }) => Object.keys(AuxAddresses ?? {}).length > 0))
    throw refusal('Calico driver does not support --aux-address', 'make an IPReservation')
}

/** Published ports are let through: they come for every network of a container, and on one of them they may work. @throws UNSUPPORTED */
export function assertEndpointOptions({ Options }: EndpointRequest): void {
  const names = Object.keys(Options ?? {}).filter((name) => !name.startsWith('com.docker.'))
  if (names.length > 0) throw refusal(`Calico driver does not support --driver-opt ${names.join(', ')}`)
}

const refusal = (what: string, instead?: string): CalicoError =>
  new CalicoError('UNSUPPORTED', instead === undefined ? what : `${what}: ${instead}`)
