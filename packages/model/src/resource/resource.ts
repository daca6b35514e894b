import type { z } from 'zod'
import type { KINDS, Kind, SpecOf, StatusOf } from '../kinds/table.ts'
import type { Input } from '../schema/output.ts'
import type { Metadata } from './metadata.ts'

export const API_VERSION = 'projectcalico.org/v3'

/**
 * What every v3 resource looks like, whatever its kind: the parameter of functions that work on all kinds. Fields that
 * this version does not know are carried along at run time.
 */
export interface ResourceShape<K extends Kind = Kind> {
  readonly apiVersion: typeof API_VERSION
  readonly kind: K
  readonly metadata: Metadata
  readonly spec: SpecOf<K>
  readonly status?: StatusOf<K>
}

/** A v3 resource of one kind, or of one of several: `kind` tells which. */
export type Resource<K extends Kind = Kind> = { [P in K]: ResourceShape<P> }[K]

/** A resource of any kind. */
export type AnyResource = Resource

interface Parsed<K extends Kind> {
  readonly kind: K
  readonly metadata: Metadata
  readonly spec: unknown
  readonly [field: string]: unknown
}

/** Gives parsed data the type of its kind. Only for data that the kind's own schema has just made. */
export const typed = <K extends Kind>(data: Parsed<K>): Resource<K> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler cannot follow the table of kinds
  data as unknown as Resource<K>

/** What a writer may say in a spec: plain text for addresses, no defaults needed. */
export type SpecInput<K extends Kind> = Input<Extract<(typeof KINDS)[K]['spec'], z.ZodType>>

export type NodeResource = Resource<'Node'>
export type IPPoolResource = Resource<'IPPool'>
export type IPReservationResource = Resource<'IPReservation'>
export type BGPConfigurationResource = Resource<'BGPConfiguration'>
export type BGPPeerResource = Resource<'BGPPeer'>
export type BGPFilterResource = Resource<'BGPFilter'>
export type FelixConfigurationResource = Resource<'FelixConfiguration'>
export type ClusterInformationResource = Resource<'ClusterInformation'>
export type TierResource = Resource<'Tier'>
export type ProfileResource = Resource<'Profile'>
export type GlobalNetworkPolicyResource = Resource<'GlobalNetworkPolicy'>
export type NetworkPolicyResource = Resource<'NetworkPolicy'>
export type GlobalNetworkSetResource = Resource<'GlobalNetworkSet'>
export type NetworkSetResource = Resource<'NetworkSet'>
export type HostEndpointResource = Resource<'HostEndpoint'>
export type WorkloadEndpointResource = Resource<'WorkloadEndpoint'>
export type CalicoNodeStatusResource = Resource<'CalicoNodeStatus'>
