/** Names of the chains and sets that the rules are made of. Those of fixed chains are upstream's. */
import { chainName, type IpVersion, setName } from '@calico-node/linux'
import type { PolicyId, ProfileId, SetId } from '../calc/messages.ts'

export type PolicyDirection = 'ingress' | 'egress'

/** Chains that always exist. Some of these names stand in several tables. */
export const CHAIN = {
  prerouting: 'cali-PREROUTING',
  input: 'cali-INPUT',
  forward: 'cali-FORWARD',
  output: 'cali-OUTPUT',
  postrouting: 'cali-POSTROUTING',
  workloadToHost: 'cali-wl-to-host',
  fromWorkloadDispatch: 'cali-from-wl-dispatch',
  toWorkloadDispatch: 'cali-to-wl-dispatch',
  fromHostEndpoint: 'cali-from-host-endpoint',
  toHostEndpoint: 'cali-to-host-endpoint',
  fromHostEndpointForward: 'cali-from-hep-forward',
  toHostEndpointForward: 'cali-to-hep-forward',
  failsafeIn: 'cali-failsafe-in',
  failsafeOut: 'cali-failsafe-out',
  /** Accepts sources that a workload may use besides its own addresses. */
  mayUseOtherSource: 'cali-rpf-skip',
  tunnelUntracked: 'cali-tunnel-raw',
  tunnelIn: 'cali-tunnel-in',
  tunnelOut: 'cali-tunnel-out',
  tunnelSource: 'cali-tunnel-snat',
  floatingDnat: 'cali-fip-dnat',
  floatingSnat: 'cali-fip-snat',
  natOutgoing: 'cali-nat-outgoing',
  /** Packets to service addresses that nobody claims. */
  serviceLoops: 'cali-cidr-block',
} as const

export const policyChainName = (id: PolicyId, direction: PolicyDirection): string =>
  chainName(direction === 'ingress' ? 'cali-pi-' : 'cali-po-', id)

export const profileChainName = (id: ProfileId, direction: PolicyDirection): string =>
  chainName(direction === 'ingress' ? 'cali-pri-' : 'cali-pro-', id)

/** @param asked All that the chain asks, as text. Too long for a name, so that always its hash is taken. */
export const workloadChainName = (asked: string, direction: PolicyDirection): string =>
  chainName(direction === 'ingress' ? 'cali-tw-' : 'cali-fw-', `workloads that ask ${asked}`)

/** Stands in chain names for a host endpoint of every interface that has none of its own; longer than an interface's name can be. */
export const ANY_INTERFACE = 'any-interface-at-all'
export const toHostChainName = (interfaceName: string): string => chainName('cali-th-', interfaceName)
export const fromHostChainName = (interfaceName: string): string => chainName('cali-fh-', interfaceName)
export const toHostForwardChainName = (interfaceName: string): string => chainName('cali-thfw-', interfaceName)
export const fromHostForwardChainName = (interfaceName: string): string => chainName('cali-fhfw-', interfaceName)

/** @param id A set of the graph, or one that the rules themselves need. */
export const ipSetName = (version: IpVersion, id: SetId): string => setName(id, version)
