import type { z } from 'zod'
import { bgpConfiguration, type BGPConfigurationSpec } from './bgp-configuration.ts'
import { bgpFilter, type BGPFilterSpec } from './bgp-filter.ts'
import { bgpPeer, type BGPPeerSpec } from './bgp-peer.ts'
import { calicoNodeStatus, type CalicoNodeStatusSpec, type CalicoNodeStatusStatus } from './calico-node-status.ts'
import { clusterInformation, type ClusterInformationSpec } from './cluster-information.ts'
import type { KindDefinition } from './definition.ts'
import { felixConfiguration, type FelixConfigurationSpec } from './felix-configuration.ts'
import {
  ipamConfiguration,
  liveMigration,
  stagedKubernetesNetworkPolicy,
  type IPAMConfigurationSpec,
  type LiveMigrationSpec,
  type StagedKubernetesNetworkPolicySpec,
} from './foreign.ts'
import { hostEndpoint, type HostEndpointSpec } from './host-endpoint.ts'
import { ipPool, type IPPoolSpec } from './ip-pool.ts'
import { ipReservation, type IPReservationSpec } from './ip-reservation.ts'
import {
  kubeControllersConfiguration,
  type KubeControllersConfigurationSpec,
} from './kube-controllers-configuration.ts'
import { globalNetworkSet, networkSet, type NetworkSetSpec } from './network-set.ts'
import { node, type NodeSpec, type NodeStatus } from './node.ts'
import {
  globalNetworkPolicy,
  networkPolicy,
  stagedGlobalNetworkPolicy,
  stagedNetworkPolicy,
  type GlobalNetworkPolicySpec,
  type NetworkPolicySpec,
  type StagedGlobalNetworkPolicySpec,
  type StagedNetworkPolicySpec,
} from './policy.ts'
import { profile, type ProfileSpec } from './profile.ts'
import { tier, type TierSpec } from './tier.ts'
import { workloadEndpoint, type WorkloadEndpointSpec } from './workload-endpoint.ts'

/** The spec of each kind, as it is read. */
export interface SpecTypes {
  BGPConfiguration: BGPConfigurationSpec
  BGPFilter: BGPFilterSpec
  BGPPeer: BGPPeerSpec
  CalicoNodeStatus: CalicoNodeStatusSpec
  ClusterInformation: ClusterInformationSpec
  FelixConfiguration: FelixConfigurationSpec
  GlobalNetworkPolicy: GlobalNetworkPolicySpec
  GlobalNetworkSet: NetworkSetSpec
  HostEndpoint: HostEndpointSpec
  IPAMConfiguration: IPAMConfigurationSpec
  IPPool: IPPoolSpec
  IPReservation: IPReservationSpec
  KubeControllersConfiguration: KubeControllersConfigurationSpec
  LiveMigration: LiveMigrationSpec
  NetworkPolicy: NetworkPolicySpec
  NetworkSet: NetworkSetSpec
  Node: NodeSpec
  Profile: ProfileSpec
  StagedGlobalNetworkPolicy: StagedGlobalNetworkPolicySpec
  StagedKubernetesNetworkPolicy: StagedKubernetesNetworkPolicySpec
  StagedNetworkPolicy: StagedNetworkPolicySpec
  Tier: TierSpec
  WorkloadEndpoint: WorkloadEndpointSpec
}
export type Kind = keyof SpecTypes
export type SpecOf<K extends Kind> = SpecTypes[K]

interface StatusTypes {
  Node: NodeStatus
  CalicoNodeStatus: CalicoNodeStatusStatus
}
export type StatusOf<K extends Kind> = K extends keyof StatusTypes ? StatusTypes[K] : unknown

/** Every kind of the v3 API that is stored in etcd, by name. */
export const KINDS = {
  BGPConfiguration: bgpConfiguration,
  BGPFilter: bgpFilter,
  BGPPeer: bgpPeer,
  CalicoNodeStatus: calicoNodeStatus,
  ClusterInformation: clusterInformation,
  FelixConfiguration: felixConfiguration,
  GlobalNetworkPolicy: globalNetworkPolicy,
  GlobalNetworkSet: globalNetworkSet,
  HostEndpoint: hostEndpoint,
  IPAMConfiguration: ipamConfiguration,
  IPPool: ipPool,
  IPReservation: ipReservation,
  KubeControllersConfiguration: kubeControllersConfiguration,
  LiveMigration: liveMigration,
  NetworkPolicy: networkPolicy,
  NetworkSet: networkSet,
  Node: node,
  Profile: profile,
  StagedGlobalNetworkPolicy: stagedGlobalNetworkPolicy,
  StagedKubernetesNetworkPolicy: stagedKubernetesNetworkPolicy,
  StagedNetworkPolicy: stagedNetworkPolicy,
  Tier: tier,
  WorkloadEndpoint: workloadEndpoint,
} satisfies { [K in Kind]: KindDefinition<z.ZodType, SpecTypes[K]> }

export const ALL_KINDS: readonly Kind[] = Object.keys(KINDS).filter(isKind)

export function isKind(text: string): text is Kind {
  return Object.hasOwn(KINDS, text)
}
