/**
 * What each component may touch in etcd, as small as it can be while upstream's component of the same name gets along
 * with it as well. Everybody may read ClusterInformation: it says whether the datastore may be used.
 */
import {
  AFFINITY_PREFIX,
  BLOCK_PREFIX,
  HANDLE_PREFIX,
  IPAM_CONFIG_KEY,
  resourcePrefix,
  VIRTUAL_AFFINITY_PREFIX,
  type Kind,
} from '@calico-node/model'

export type EtcdComponent = 'felix' | 'confd' | 'startup' | 'cni' | 'libnetwork' | 'operator'

export interface EtcdRole {
  readonly component: EtcdComponent
  readonly summary: string
  /** Keys that begin with one of these may be read. */
  readonly readPrefixes: readonly string[]
  /** Keys that begin with one of these may be read and written. */
  readonly writePrefixes: readonly string[]
}

const CALICO = '/calico/'
/** Status of the process and of endpoints. */
const FELIX_STATUS = `${CALICO}felix/`
const IPAM = [AFFINITY_PREFIX, VIRTUAL_AFFINITY_PREFIX, BLOCK_PREFIX, HANDLE_PREFIX, IPAM_CONFIG_KEY]
const kinds = (...names: readonly Kind[]): string[] => names.map((kind) => resourcePrefix(kind))

/** What it takes to connect workloads. */
const WORKLOADS = {
  readPrefixes: kinds('ClusterInformation', 'Node', 'IPPool', 'IPReservation'),
  writePrefixes: [...kinds('WorkloadEndpoint', 'Profile'), ...IPAM],
}

/** One role a component, for {@link roleCommands} and the documentation. */
export function etcdRoles(): readonly EtcdRole[] {
  return [
    {
      component: 'felix',
      summary: 'reads policy, endpoints, pools and blocks; reports status',
      readPrefixes: [
        ...kinds(
          'ClusterInformation',
          'FelixConfiguration',
          'Node',
          'IPPool',
          'BGPConfiguration',
          'BGPPeer',
          'Tier',
          'Profile',
          'GlobalNetworkPolicy',
          'NetworkPolicy',
          'StagedGlobalNetworkPolicy',
          'StagedNetworkPolicy',
          'StagedKubernetesNetworkPolicy',
          'GlobalNetworkSet',
          'NetworkSet',
          'HostEndpoint',
          'WorkloadEndpoint',
        ),
        BLOCK_PREFIX,
      ],
      writePrefixes: [FELIX_STATUS],
    },
    {
      component: 'confd',
      summary: 'reads what BIRD is configured from; writes nothing',
      readPrefixes: [
        ...kinds('ClusterInformation', 'Node', 'IPPool', 'BGPConfiguration', 'BGPPeer', 'BGPFilter'),
        AFFINITY_PREFIX,
      ],
      writePrefixes: [],
    },
    {
      component: 'startup',
      summary:
        'and node-services register the node, fill in the defaults of a new cluster, allocate tunnel addresses, report',
      readPrefixes: kinds('IPReservation'),
      writePrefixes: [
        ...kinds(
          'ClusterInformation',
          'Tier',
          'FelixConfiguration',
          'BGPConfiguration',
          'IPPool',
          'Node',
          'CalicoNodeStatus',
        ),
        ...IPAM,
      ],
    },
    {
      component: 'cni',
      summary: 'records workloads, their profiles and their addresses',
      ...WORKLOADS,
    },
    {
      component: 'libnetwork',
      summary: "records Docker's networks, and containers with their profiles and addresses",
      ...WORKLOADS,
      writePrefixes: [...WORKLOADS.writePrefixes, `${CALICO}libnetwork/`],
    },
    {
      component: 'operator',
      summary: 'uses calicoctl, which may read and write everything of Calico',
      readPrefixes: [],
      writePrefixes: [CALICO],
    },
  ]
}

/** Arguments of `etcdctl`, one command a row, that make the role `calico-<component>`; to be run as root of etcd. */
export function roleCommands({ component, readPrefixes, writePrefixes }: EtcdRole): string[][] {
  const role = `calico-${component}`
  const grant = (permission: string, prefix: string): string[] => [
    'role',
    'grant-permission',
    role,
    permission,
    '--prefix=true',
    prefix,
  ]
  return [
    ['role', 'add', role],
    ...readPrefixes.map((prefix) => grant('read', prefix)),
    ...writePrefixes.map((prefix) => grant('readwrite', prefix)),
  ]
}
