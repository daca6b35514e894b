// Long on purpose: one row per heading of each kind, as scripts know them.
/** Which columns the tables of `get` have, and where their values come from. */
import type { AnyResource, Kind, Resource } from '@calico-node/model'

/** What a cell may need besides its resource. */
export interface CellContext {
  /** AS number of nodes that have none of their own, in text. */
  readonly globalAsNumber: string
}

type Cell<K extends Kind> = (resource: Resource<K>, context: CellContext) => string

interface KindColumns<K extends Kind> {
  readonly cells: Readonly<Record<string, Cell<K>>>
  readonly ps: readonly string[]
  readonly wide: readonly string[]
}

const LONGEST_LIST = 80

const joined = (items: readonly unknown[] | undefined): string => (items ?? []).join(',')
const cut = (text: string): string => (text.length > LONGEST_LIST ? `${text.slice(0, LONGEST_LIST - 3)}...` : text)
const orNil = (value: number | undefined): string => (value === undefined ? '<nil>' : String(value))
const orDash = (value: boolean | number | undefined): string => (value === undefined ? '-' : String(value))
const pairs = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(map ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(',')

const named = { NAME: ({ metadata }: { metadata: { name: string } }) => metadata.name }

const policy = {
  cells: {
    ...named,
    TIER: ({ spec }: { spec: { tier?: string | undefined } }) => spec.tier ?? 'default',
    ORDER: ({ spec }: { spec: { order?: number | undefined } }) => orNil(spec.order),
    SELECTOR: ({ spec }: { spec: { selector?: string | undefined } }) => spec.selector ?? '',
  },
  ps: ['NAME', 'TIER'],
  wide: ['NAME', 'TIER', 'ORDER', 'SELECTOR'],
}

const networkSet = {
  cells: { ...named, NETS: ({ spec }: { spec: { nets?: readonly string[] | undefined } }) => cut(joined(spec.nets)) },
  ps: ['NAME'],
  wide: ['NAME', 'NETS'],
}

const onlyName = { cells: named, ps: ['NAME'], wide: ['NAME'] }

/** Columns as functions of any resource; of another kind they say nothing. */
interface AnyColumns {
  readonly cells: Readonly<Record<string, (resource: AnyResource, context: CellContext) => string>>
  readonly ps: readonly string[]
  readonly wide: readonly string[]
}

const isOf = <K extends Kind>(resource: AnyResource, kind: K): resource is AnyResource & Resource<K> =>
  resource.kind === kind

const columnsFor = <K extends Kind>(kind: K, { cells, ps, wide }: KindColumns<K>): readonly [Kind, AnyColumns] => [
  kind,
  {
    cells: Object.fromEntries(
      Object.entries(cells).map(([heading, cell]) => [
        heading,
        (resource: AnyResource, context: CellContext) => (isOf(resource, kind) ? cell(resource, context) : ''),
      ]),
    ),
    ps,
    wide,
  },
]

const COLUMNS: ReadonlyMap<Kind, AnyColumns> = new Map([
  columnsFor('BGPConfiguration', {
    cells: {
      ...named,
      LOGSEVERITY: ({ spec }) => spec.logSeverityScreen ?? '',
      MESHENABLED: ({ spec }) => orDash(spec.nodeToNodeMeshEnabled),
      ASNUMBER: ({ spec }) => orDash(spec.asNumber),
    },
    ps: ['NAME', 'LOGSEVERITY', 'MESHENABLED', 'ASNUMBER'],
    wide: ['NAME', 'LOGSEVERITY', 'MESHENABLED', 'ASNUMBER'],
  }),
  columnsFor('BGPPeer', {
    cells: {
      ...named,
      PEERIP: ({ spec }) => spec.peerIP ?? '',
      NODE: ({ spec }) => spec.node ?? spec.nodeSelector ?? '(global)',
      ASN: ({ spec }) => String(spec.asNumber ?? 0),
    },
    ps: ['NAME', 'PEERIP', 'NODE', 'ASN'],
    wide: ['NAME', 'PEERIP', 'NODE', 'ASN'],
  }),
  columnsFor('BGPFilter', {
    cells: {
      ...named,
      NUMEXPORTV4: ({ spec }) => String(spec.exportV4?.length ?? 0),
      NUMIMPORTV4: ({ spec }) => String(spec.importV4?.length ?? 0),
      NUMEXPORTV6: ({ spec }) => String(spec.exportV6?.length ?? 0),
      NUMIMPORTV6: ({ spec }) => String(spec.importV6?.length ?? 0),
    },
    ps: ['NAME', 'NUMEXPORTV4', 'NUMIMPORTV4', 'NUMEXPORTV6', 'NUMIMPORTV6'],
    wide: ['NAME', 'NUMEXPORTV4', 'NUMIMPORTV4', 'NUMEXPORTV6', 'NUMIMPORTV6'],
  }),
  columnsFor('ClusterInformation', {
    cells: {
      ...named,
      CLUSTERGUID: ({ spec }) => spec.clusterGUID ?? '',
      CLUSTERTYPE: ({ spec }) => spec.clusterType ?? '',
      CALICOVERSION: ({ spec }) => spec.calicoVersion ?? '',
      DATASTOREREADY: ({ spec }) => String(spec.datastoreReady ?? false),
    },
    ps: ['NAME', 'CLUSTERGUID', 'CLUSTERTYPE', 'CALICOVERSION', 'DATASTOREREADY'],
    wide: ['NAME', 'CLUSTERGUID', 'CLUSTERTYPE', 'CALICOVERSION', 'DATASTOREREADY'],
  }),
  columnsFor('FelixConfiguration', onlyName),
  columnsFor('KubeControllersConfiguration', onlyName),
  columnsFor('GlobalNetworkPolicy', policy),
  columnsFor('NetworkPolicy', policy),
  columnsFor('StagedGlobalNetworkPolicy', policy),
  columnsFor('StagedNetworkPolicy', policy),
  columnsFor('GlobalNetworkSet', networkSet),
  columnsFor('NetworkSet', networkSet),
  columnsFor('HostEndpoint', {
    cells: {
      ...named,
      NODE: ({ spec }) => spec.node ?? '',
      INTERFACE: ({ spec }) => spec.interfaceName ?? '',
      IPS: ({ spec }) => joined(spec.expectedIPs),
      PROFILES: ({ spec }) => joined(spec.profiles),
    },
    ps: ['NAME', 'NODE'],
    wide: ['NAME', 'NODE', 'INTERFACE', 'IPS', 'PROFILES'],
  }),
  columnsFor('IPPool', {
    cells: {
      ...named,
      CIDR: ({ spec }) => spec.cidr,
      NAT: ({ spec }) => String(spec.natOutgoing ?? false),
      IPIPMODE: ({ spec }) => spec.ipipMode ?? 'Never',
      VXLANMODE: ({ spec }) => spec.vxlanMode ?? 'Never',
      DISABLED: ({ spec }) => String(spec.disabled ?? false),
      DISABLEBGPEXPORT: ({ spec }) => String(spec.disableBGPExport ?? false),
      SELECTOR: ({ spec }) => spec.nodeSelector ?? 'all()',
      ASSIGNMENTMODE: ({ spec }) => spec.assignmentMode ?? 'Automatic',
    },
    ps: ['NAME', 'CIDR', 'SELECTOR'],
    wide: [
      'NAME',
      'CIDR',
      'NAT',
      'IPIPMODE',
      'VXLANMODE',
      'DISABLED',
      'DISABLEBGPEXPORT',
      'SELECTOR',
      'ASSIGNMENTMODE',
    ],
  }),
  columnsFor('IPReservation', {
    cells: { ...named, CIDRS: ({ spec }) => joined(spec.reservedCIDRs) },
    ps: ['NAME'],
    wide: ['NAME', 'CIDRS'],
  }),
  columnsFor('Node', {
    cells: {
      ...named,
      ASN: ({ spec }, { globalAsNumber }) =>
        spec.bgp?.asNumber === undefined ? `(${globalAsNumber})` : String(spec.bgp.asNumber),
      IPV4: ({ spec }) => spec.bgp?.ipv4Address ?? '',
      IPV6: ({ spec }) => spec.bgp?.ipv6Address ?? '',
    },
    ps: ['NAME'],
    wide: ['NAME', 'ASN', 'IPV4', 'IPV6'],
  }),
  columnsFor('Profile', {
    cells: { ...named, LABELS: ({ spec }) => pairs(spec.labelsToApply) },
    ps: ['NAME'],
    wide: ['NAME', 'LABELS'],
  }),
  columnsFor('Tier', {
    cells: { ...named, ORDER: ({ spec }) => orNil(spec.order) },
    ps: ['NAME', 'ORDER'],
    wide: ['NAME', 'ORDER'],
  }),
  columnsFor('WorkloadEndpoint', {
    cells: {
      ...named,
      WORKLOAD: ({ spec }) => spec.workload ?? spec.pod ?? '',
      NODE: ({ spec }) => spec.node ?? '',
      NETWORKS: ({ spec }) => joined(spec.ipNetworks),
      INTERFACE: ({ spec }) => spec.interfaceName ?? '',
      PROFILES: ({ spec }) => joined(spec.profiles),
      NATS: ({ spec }) => joined(spec.ipNATs?.map(({ internalIP, externalIP }) => `{${internalIP} ${externalIP}}`)),
      ORCHESTRATOR: ({ spec }) => spec.orchestrator ?? '',
    },
    ps: ['WORKLOAD', 'NODE', 'NETWORKS', 'INTERFACE'],
    wide: ['NAME', 'WORKLOAD', 'NODE', 'NETWORKS', 'INTERFACE', 'PROFILES', 'NATS'],
  }),
])

/** The columns of a kind; kinds without a row have their name only. */
export const columnsOf = (kind: Kind): AnyColumns => COLUMNS.get(kind) ?? columnsFor(kind, onlyName)[1]
