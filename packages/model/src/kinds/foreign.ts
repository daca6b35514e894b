/** Kinds that other components own: carried without loss, checked in shape only. */
import { bool, doc, integer, list, object, oneOf, opaque, opt, text } from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { KindDefinition } from './definition.ts'

export const stagedKubernetesNetworkPolicySpec = object({
  stagedAction: doc(oneOf('Set', 'Delete', 'Learn', 'Ignore').default('Set'), 'What enforcing it would do.'),
  podSelector: opt(opaque(), 'Pods, as in Kubernetes.'),
  ingress: opt(list(opaque()), 'Rules, as in Kubernetes.'),
  egress: opt(list(opaque()), 'Rules, as in Kubernetes.'),
  policyTypes: opt(list(text()), 'Directions, as in Kubernetes.'),
})

export const ipamConfigurationSpec = object({
  strictAffinity: opt(bool(), 'Take addresses from blocks of the own node only.'),
  autoAllocateBlocks: opt(bool(), 'Claim blocks as needed.'),
  maxBlocksPerHost: opt(integer(0, 0x7fff_ffff), 'Limit of blocks of one node; 0 = none.'),
})

const migrationEnd = () =>
  opt(
    object({
      workloadEndpoint: opt(
        object({
          hostname: opt(text(), 'Node.'),
          orchestratorID: opt(text(), 'Orchestrator.'),
          workloadID: opt(text(), 'Workload.'),
          endpointID: opt(text(), 'Endpoint.'),
        }),
        'The endpoint.',
      ),
    }),
    'One end of the migration.',
  )

export const liveMigrationSpec = object({ source: migrationEnd(), target: migrationEnd() })

export type StagedKubernetesNetworkPolicySpec = Output<typeof stagedKubernetesNetworkPolicySpec>
export type IPAMConfigurationSpec = Output<typeof ipamConfigurationSpec>
export type LiveMigrationSpec = Output<typeof liveMigrationSpec>

export const stagedKubernetesNetworkPolicy: KindDefinition<
  typeof stagedKubernetesNetworkPolicySpec,
  StagedKubernetesNetworkPolicySpec
> = {
  plural: 'stagedkubernetesnetworkpolicies',
  namespaced: true,
  aliases: ['sknp', 'sknps', 'skpol', 'skpols'],
  summary: 'A Kubernetes network policy that is not enforced yet.',
  spec: stagedKubernetesNetworkPolicySpec,
}

export const ipamConfiguration: KindDefinition<typeof ipamConfigurationSpec, IPAMConfigurationSpec> = {
  plural: 'ipamconfigurations',
  namespaced: false,
  aliases: ['ipamconfig', 'ipamconfigs'],
  summary: 'IPAM settings of Kubernetes installations. With etcd, IPAM does not read it.',
  spec: ipamConfigurationSpec,
}

export const liveMigration: KindDefinition<typeof liveMigrationSpec, LiveMigrationSpec> = {
  plural: 'livemigrations',
  namespaced: true,
  aliases: [],
  summary: 'A virtual machine on its way from one node to another.',
  spec: liveMigrationSpec,
}
