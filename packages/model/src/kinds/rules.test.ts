/** Every rule of every kind has a document that breaks it, with the exact words that its author gets. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CalicoError } from '@calico-node/core'
import { parseResource } from '../resource/parse.ts'
import type { Problem } from '../schema/problem.ts'
import type { Kind } from './table.ts'

type Json = Record<string, unknown>
interface Valid {
  readonly metadata: Json
  readonly spec: Json
}

const rule = (more: Json = {}): Json => ({ action: 'Allow', ...more })
const GNP: Valid = { metadata: { name: 'web' }, spec: { selector: 'all()' } }

/** One acceptable document a kind; the rows below change parts of it. */
const VALID: Record<Kind, Valid> = {
  BGPConfiguration: { metadata: { name: 'default' }, spec: {} },
  BGPFilter: { metadata: { name: 'f' }, spec: { exportV4: [{ action: 'Accept' }] } },
  BGPPeer: { metadata: { name: 'p' }, spec: { peerIP: '10.0.0.1', asNumber: 64512 } },
  CalicoNodeStatus: { metadata: { name: 's' }, spec: { node: 'host-a', classes: ['BGP'], updatePeriodSeconds: 10 } },
  ClusterInformation: { metadata: { name: 'default' }, spec: { datastoreReady: false } },
  FelixConfiguration: { metadata: { name: 'default' }, spec: { reportingInterval: '30s' } },
  GlobalNetworkPolicy: GNP,
  GlobalNetworkSet: { metadata: { name: 's' }, spec: { nets: ['10.0.0.1/8', '10.0.0.1'] } },
  HostEndpoint: { metadata: { name: 'h' }, spec: { node: 'host-a', interfaceName: 'eth0' } },
  IPAMConfiguration: { metadata: { name: 'default' }, spec: { strictAffinity: true } },
  IPPool: { metadata: { name: 'p' }, spec: { cidr: '10.0.0.0/16' } },
  IPReservation: { metadata: { name: 'r' }, spec: { reservedCIDRs: ['10.0.0.1/30'] } },
  KubeControllersConfiguration: { metadata: { name: 'default' }, spec: {} },
  LiveMigration: { metadata: { name: 'm', namespace: 'n' }, spec: {} },
  NetworkPolicy: { metadata: { name: 'db', namespace: 'shop' }, spec: {} },
  NetworkSet: { metadata: { name: 's', namespace: 'shop' }, spec: {} },
  Node: { metadata: { name: 'host-a' }, spec: { bgp: { ipv4Address: '10.0.0.1/24' } } },
  Profile: { metadata: { name: 'p' }, spec: { labelsToApply: { A_B: '' } } },
  StagedGlobalNetworkPolicy: GNP,
  StagedKubernetesNetworkPolicy: {
    metadata: { name: 'k', namespace: 'shop' },
    spec: { podSelector: { matchLabels: { a: 'b' } } },
  },
  StagedNetworkPolicy: { metadata: { name: 'db', namespace: 'shop' }, spec: {} },
  Tier: { metadata: { name: 'sec' }, spec: { order: 10 } },
  WorkloadEndpoint: {
    metadata: { namespace: 'shop' },
    spec: {
      node: 'host-a',
      orchestrator: 'cni',
      containerID: 'c0ffee',
      endpoint: 'eth0',
      interfaceName: 'cali1',
      ipNetworks: ['10.0.0.9/32'],
    },
  },
}

function problemsIn(kind: Kind, spec: Json, metadata: Json = {}): readonly Problem[] {
  const valid = VALID[kind]
  try {
    parseResource({
      apiVersion: 'projectcalico.org/v3',
      kind,
      metadata: { ...valid.metadata, ...metadata },
      spec: { ...valid.spec, ...spec },
    })
    return []
  } catch (err) {
    assert.ok(
      err instanceof CalicoError && err.code === 'INVALID' && Array.isArray(err.context['problems']),
      String(err),
    )
    return err.context['problems']
  }
}

test('one document of every kind is accepted', () => {
  for (const [kind, valid] of Object.entries(VALID)) {
    assert.doesNotThrow(() => parseResource({ apiVersion: 'projectcalico.org/v3', kind, ...valid }), kind)
  }
})

/** `problems` are all that are found, as `field: reason`. */
type Row = readonly [kind: Kind, spec: Json, ...problems: string[]]

function refuses(what: string, rows: readonly Row[]): void {
  describe(what, () => {
    for (const [kind, spec, ...expected] of rows) {
      test(`${kind} ${JSON.stringify(spec).slice(0, 110)}`, () => {
        assert.deepEqual(
          problemsIn(kind, spec).map(({ field, reason }) => `${field}: ${reason}`),
          expected,
        )
      })
    }
  })
}

const NAME = 'must be lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit, at most 253'
const PORT =
  'must be a number from 0 to 65535, a range such as "8000:9000", or a name of letters, digits, "_", "." and "-"'
const CIDR = 'must be an address or a network such as 10.0.0.0/8'
const COMMUNITY = 'a community such as 64512:100 (two of 0 to 65535) or 64512:1:2 (three of 0 to 4294967295)'

refuses('pools', [
  ['IPPool', { cidr: undefined }, 'spec.cidr: is required'],
  ['IPPool', { cidr: '' }, 'spec.cidr: is required'],
  ['IPPool', { cidr: 7 }, 'spec.cidr: must be a string'],
  ['IPPool', { cidr: '10.0.0.1' }, 'spec.cidr: must be a network such as 10.0.0.0/8'],
  ['IPPool', { cidr: '10.0.0.1/16' }, 'spec.cidr: needs host bits to be zero, as in 10.0.0.0/16'],
  ['IPPool', { cidr: '10.0.0.0/27' }, 'spec.cidr: must be at least as large as one block of /26'],
  ['IPPool', { cidr: '169.254.8.0/24' }, 'spec.cidr: must not overlap the link-local range 169.254.0.0/16'],
  ['IPPool', { cidr: 'fe80::/64' }, 'spec.cidr: must not overlap the link-local range fe80::/10'],
  ['IPPool', { blockSize: 19 }, 'spec.blockSize: must be from 20 to 32 for an IPv4 pool'],
  ['IPPool', { blockSize: 26.5 }, 'spec.blockSize: must be a whole number from 0 to 128'],
  ['IPPool', { cidr: 'fd00::/48', blockSize: 115 }, 'spec.blockSize: must be from 116 to 128 for an IPv6 pool'],
  ['IPPool', { ipipMode: 'always' }, 'spec.ipipMode: must be one of Never, Always, CrossSubnet'],
  ['IPPool', { cidr: 'fd00::/48', ipipMode: 'Always' }, 'spec.ipipMode: must be Never for an IPv6 pool'],
  [
    'IPPool',
    { ipipMode: 'Always', vxlanMode: 'CrossSubnet' },
    'spec.ipipMode: cannot go together with vxlanMode CrossSubnet',
  ],
  [
    'IPPool',
    { nodeSelector: 'rack = 1' },
    'spec.nodeSelector: must be a selector: expected an operator after the label, not "=" at column 6',
  ],
  ['IPPool', { natOutgoing: 'yes' }, 'spec.natOutgoing: must be true or false'],
  ['IPPool', { allowedUses: ['Everything'] }, 'spec.allowedUses[0]: must be one of Workload, Tunnel, LoadBalancer'],
  ['IPPool', { allowedUses: ['LoadBalancer', 'Tunnel'] }, 'spec.allowedUses: must name nothing beside LoadBalancer'],
  [
    'IPPool',
    { allowedUses: ['LoadBalancer'], nodeSelector: 'has(a)', ipipMode: 'Always', disableBGPExport: true },
    'spec.nodeSelector: must be all() in a pool for load balancers',
    'spec.ipipMode: must be Never in a pool for load balancers',
    'spec.disableBGPExport: must not be set in a pool for load balancers',
  ],
  ['IPPool', { ipip: { enabled: true } }, 'spec.ipip: is not a known field'],
  ['IPReservation', { reservedCIDRs: ['10.0.0.0/8', 'x'] }, `spec.reservedCIDRs[1]: ${CIDR}`],
])

refuses('nodes and the cluster', [
  ['Node', { bgp: {} }, 'spec.bgp: must say something, or be left out'],
  [
    'Node',
    { bgp: { ipv4Address: 'fd00::1/64' } },
    'spec.bgp.ipv4Address: must be an IPv4 address with its prefix length',
  ],
  [
    'Node',
    { bgp: { ipv6Address: '10.0.0.1/24' } },
    'spec.bgp.ipv6Address: must be an IPv6 address with its prefix length',
  ],
  [
    'Node',
    { bgp: { asNumber: 4_294_967_296 } },
    'spec.bgp.asNumber: must be a number from 0 to 4294967295, or two of 0 to 65535 joined by a dot',
  ],
  [
    'Node',
    { bgp: { asNumber: true } },
    'spec.bgp.asNumber: must be a number from 0 to 4294967295, or two of 0 to 65535 joined by a dot',
  ],
  ['Node', { bgp: { routeReflectorClusterID: '1' } }, 'spec.bgp.routeReflectorClusterID: must be an IPv4 address'],
  ['Node', { ipv4VXLANTunnelAddr: '10.0.0.1/32' }, 'spec.ipv4VXLANTunnelAddr: must be an IPv4 address'],
  ['Node', { ipv6VXLANTunnelAddr: '10.0.0.1' }, 'spec.ipv6VXLANTunnelAddr: must be an IPv6 address'],
  ['Node', { vxlanTunnelMACAddr: 'nope' }, 'spec.vxlanTunnelMACAddr: must be a MAC address such as ee:ee:ee:ee:ee:ee'],
  [
    'Node',
    { addresses: [{ address: 'x', type: 'Home' }] },
    'spec.addresses[0].address: must be an address or a network such as 10.0.0.0/8',
    'spec.addresses[0].type: must be one of CalicoNodeIP, InternalIP, ExternalIP',
  ],
  ['Node', { orchRefs: [{ nodeName: 'a' }] }, 'spec.orchRefs[0].orchestrator: is required'],
  ['ClusterInformation', { datastoreReady: 'yes' }, 'spec.datastoreReady: must be true or false'],
  ['CalicoNodeStatus', { node: undefined }, 'spec.node: is required'],
  ['CalicoNodeStatus', { classes: ['BGP', 'BGP'] }, 'spec.classes: must not name a class twice'],
  [
    'CalicoNodeStatus',
    { updatePeriodSeconds: 86_401 },
    'spec.updatePeriodSeconds: must be a whole number from 0 to 86400',
  ],
  [
    'KubeControllersConfiguration',
    { controllers: { node: { leakGracePeriod: 'soon' } } },
    'spec.controllers.node.leakGracePeriod: must be numbers with the units h, m, s, ms, us or ns, such as 90s or 1m30s',
  ],
  [
    'StagedKubernetesNetworkPolicy',
    { stagedAction: 'Maybe' },
    'spec.stagedAction: must be one of Set, Delete, Learn, Ignore',
  ],
  ['IPAMConfiguration', { maxBlocksPerHost: -1 }, 'spec.maxBlocksPerHost: must be a whole number from 0 to 2147483647'],
  ['LiveMigration', { source: 'here' }, 'spec.source: must be an object'],
])

refuses('BGP', [
  ['BGPConfiguration', { listenPort: 65_536 }, 'spec.listenPort: must be a whole number from 0 to 65535'],
  [
    'BGPConfiguration',
    { communities: [{ name: 'a', value: '65536:1' }], prefixAdvertisements: [{ cidr: '10.0.0.0/8' }] },
    `spec.communities[0].value: must be ${COMMUNITY}`,
  ],
  [
    'BGPConfiguration',
    { communities: [{ name: 'a', value: '1:2' }] },
    'spec.communities: needs prefixAdvertisements that use them',
  ],
  [
    'BGPConfiguration',
    { prefixAdvertisements: [{ cidr: '10.0.0.1/8', communities: ['b'] }] },
    'spec.prefixAdvertisements[0].cidr: needs host bits to be zero, as in 10.0.0.0/8',
  ],
  [
    'BGPConfiguration',
    { prefixAdvertisements: [{ cidr: '10.0.0.0/8', communities: ['b'] }] },
    `spec.prefixAdvertisements[0].communities[0]: must be a name from communities, or ${COMMUNITY}`,
  ],
  [
    'BGPConfiguration',
    { nodeToNodeMeshEnabled: false, nodeMeshMaxRestartTime: '2m', nodeMeshPassword: { secretKeyRef: { key: 'k' } } },
    'spec.nodeMeshPassword: needs the node-to-node mesh',
    'spec.nodeMeshMaxRestartTime: needs the node-to-node mesh',
  ],
  [
    'BGPConfiguration',
    { ignoredInterfaces: ['*', 'eth*', 'waytoolonginterface'] },
    'spec.ignoredInterfaces[0]: must be 1 to 15 characters of letters, digits, "_", ".", "-" and "*", not "*" alone',
    'spec.ignoredInterfaces[2]: must be 1 to 15 characters of letters, digits, "_", ".", "-" and "*", not "*" alone',
  ],
  [
    'BGPPeer',
    { peerIP: '10.0.0.1:0' },
    'spec.peerIP: must be an IP address, or one with a port such as 10.0.0.1:179 or [fd00::1]:179',
  ],
  ['BGPPeer', { node: 'a', nodeSelector: 'all()' }, 'spec.node: cannot go together with nodeSelector'],
  ['BGPPeer', { peerSelector: 'all()', asNumber: undefined }, 'spec.peerSelector: cannot go together with peerIP'],
  [
    'BGPPeer',
    { localWorkloadSelector: 'all()', peerIP: undefined, peerSelector: 'all()', asNumber: undefined },
    'spec.localWorkloadSelector: cannot go together with peerSelector',
    'spec.asNumber: is required with localWorkloadSelector',
  ],
  [
    'BGPPeer',
    { peerIP: undefined, peerSelector: 'all()' },
    'spec.asNumber: cannot go together with peerSelector: it comes from the nodes',
  ],
  [
    'BGPPeer',
    { keepOriginalNextHop: true, nextHopMode: 'Self' },
    'spec.keepOriginalNextHop: cannot go together with nextHopMode',
  ],
  ['BGPPeer', { reachableBy: 'fd00::1' }, 'spec.reachableBy: must be IPv4 as peerIP'],
  ['BGPPeer', { reachableBy: '10.0.0.2', peerIP: undefined }, 'spec.reachableBy: needs peerIP'],
  ['BGPPeer', { ttlSecurity: 256 }, 'spec.ttlSecurity: must be a whole number from 0 to 255'],
  ['BGPPeer', { filters: ['Bad'] }, `spec.filters[0]: ${NAME}`],
  ['BGPPeer', { password: { secretKeyRef: {} } }, 'spec.password.secretKeyRef.key: is required'],
  ['BGPFilter', { exportV4: [{}] }, 'spec.exportV4[0].action: is required'],
  [
    'BGPFilter',
    { exportV4: [{ action: 'Accept', cidr: '10.0.0.0/8' }] },
    'spec.exportV4[0].matchOperator: is required: cidr and matchOperator go together',
  ],
  [
    'BGPFilter',
    { importV6: [{ action: 'Accept', matchOperator: 'In' }] },
    'spec.importV6[0].cidr: is required: cidr and matchOperator go together',
  ],
  [
    'BGPFilter',
    { importV6: [{ action: 'Reject', cidr: '10.0.0.0/8', matchOperator: 'In' }] },
    'spec.importV6[0].cidr: must be IPv6',
  ],
  [
    'BGPFilter',
    { exportV4: [{ action: 'Accept', prefixLength: { max: 33 } }] },
    'spec.exportV4[0].prefixLength.max: must be a whole number from 0 to 32',
  ],
  [
    'BGPFilter',
    { exportV4: [{ action: 'Accept', prefixLength: { min: 9 } }] },
    'spec.exportV4[0].prefixLength: needs cidr',
  ],
  [
    'BGPFilter',
    { exportV4: [{ action: 'Accept', cidr: '10.0.0.0/8', matchOperator: 'In', prefixLength: { min: 9, max: 8 } }] },
    'spec.exportV4[0].prefixLength.min: must not be above max, 8',
  ],
])

refuses('policies', [
  ['GlobalNetworkPolicy', { selector: 'global()' }, 'spec.selector: must not contain global()'],
  [
    'GlobalNetworkPolicy',
    { namespaceSelector: 'has(a) || global()' },
    'spec.namespaceSelector: must not contain global()',
  ],
  ['NetworkPolicy', { serviceAccountSelector: 'global()' }, 'spec.serviceAccountSelector: must not contain global()'],
  ['GlobalNetworkPolicy', { tier: 'Sec' }, `spec.tier: ${NAME}`],
  ['GlobalNetworkPolicy', { order: '7' }, 'spec.order: must be a number'],
  ['GlobalNetworkPolicy', { types: ['Ingress', 'Ingress'] }, 'spec.types: must not name a direction twice'],
  ['GlobalNetworkPolicy', { types: ['ingress'] }, 'spec.types[0]: must be one of Ingress, Egress'],
  ['GlobalNetworkPolicy', { doNotTrack: true }, 'spec.applyOnForward: must be true with doNotTrack'],
  [
    'GlobalNetworkPolicy',
    { preDNAT: true, doNotTrack: true, applyOnForward: true },
    'spec.preDNAT: cannot go together with doNotTrack',
  ],
  [
    'GlobalNetworkPolicy',
    { preDNAT: true, applyOnForward: true, egress: [rule()], types: ['Ingress'] },
    'spec.egress: cannot go together with preDNAT',
  ],
  [
    'GlobalNetworkPolicy',
    { preDNAT: true, applyOnForward: true, types: ['Egress'] },
    'spec.types: must not contain Egress with preDNAT',
  ],
  ['NetworkPolicy', { preDNAT: true }, 'spec.preDNAT: is not a known field'],
  [
    'NetworkPolicy',
    { performanceHints: ['Faster'] },
    'spec.performanceHints[0]: must be one of AssumeNeededOnEveryNode',
  ],
  ['StagedNetworkPolicy', { stagedAction: 'Delete', order: 1 }, 'spec.order: must be absent with stagedAction Delete'],
  ['StagedGlobalNetworkPolicy', { stagedAction: 'Delete' }, 'spec.selector: must be absent with stagedAction Delete'],
  ['Tier', { order: 'first' }, 'spec.order: must be a number'],
  ['Tier', { defaultAction: 'Allow' }, 'spec.defaultAction: must be one of Deny, Pass'],
  [
    'Profile',
    { labelsToApply: { 'a b': 'x', c: 'd e' } },
    'spec.labelsToApply["a b"]: key must be an optional DNS prefix with "/", then at most 63 letters, digits, "-", "_" and "."',
    'spec.labelsToApply.c: must be at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
  ],
  ['Profile', { egress: [rule({ action: 'allow' })] }, 'spec.egress[0].action: must be one of Allow, Deny, Log, Pass'],
])

const ingress = (more: Json): Json => ({ ingress: [rule(more)] })
const egress = (more: Json): Json => ({ egress: [rule(more)] })

refuses('rules', [
  ['NetworkPolicy', { ingress: [{}] }, 'spec.ingress[0].action: is required'],
  ['NetworkPolicy', { ingress: { action: 'Allow' } }, 'spec.ingress: must be a list'],
  ['NetworkPolicy', ingress({ ipVersion: 5 }), 'spec.ingress[0].ipVersion: must be 4 or 6'],
  [
    'NetworkPolicy',
    ingress({ protocol: 'tcp' }),
    'spec.ingress[0].protocol: must be one of TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite, or a number from 1 to 255',
  ],
  [
    'NetworkPolicy',
    ingress({ notProtocol: 0 }),
    'spec.ingress[0].notProtocol: must be one of TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite, or a number from 1 to 255',
  ],
  ['NetworkPolicy', ingress({ protocol: 'ICMP', ipVersion: 6 }), 'spec.ingress[0].protocol: does not exist in IPv6'],
  ['NetworkPolicy', ingress({ protocol: 58, ipVersion: 4 }), 'spec.ingress[0].protocol: does not exist in IPv4'],
  ['NetworkPolicy', ingress({ icmp: { type: 8 } }), 'spec.ingress[0].icmp: needs protocol ICMP or ICMPv6'],
  ['NetworkPolicy', ingress({ protocol: 'ICMP', icmp: { code: 1 } }), 'spec.ingress[0].icmp.code: needs a type'],
  [
    'NetworkPolicy',
    ingress({ protocol: 'ICMP', icmp: { type: 255, code: 256 } }),
    'spec.ingress[0].icmp.type: must be a whole number from 0 to 254',
    'spec.ingress[0].icmp.code: must be a whole number from 0 to 255',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { nets: ['10.0.0.1'] } }),
    'spec.ingress[0].source.nets[0]: must be a network such as 10.0.0.0/8',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { notNets: ['10.0.0.1/8'] } }),
    'spec.ingress[0].source.notNets[0]: needs host bits to be zero, as in 10.0.0.0/8',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { notNets: ['0.0.0.0/0'] } }),
    'spec.ingress[0].source.notNets[0]: must not be everything: the rule could never match',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { nets: ['10.0.0.0/8', 'fd00::/8'] } }),
    'spec.ingress[0].source.nets[1]: must be IPv4 like the rest of the rule',
  ],
  [
    'NetworkPolicy',
    ingress({ ipVersion: 6, destination: { notNets: ['10.0.0.0/8'] } }),
    'spec.ingress[0].destination.notNets[0]: must be IPv6 like the rest of the rule',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { ports: [80] } }),
    'spec.ingress[0].source.ports: needs protocol TCP, UDP or SCTP',
  ],
  [
    'NetworkPolicy',
    ingress({ protocol: 'UDPLite', source: { notPorts: [80] } }),
    'spec.ingress[0].source.notPorts: needs protocol TCP, UDP or SCTP',
  ],
  [
    'NetworkPolicy',
    ingress({ protocol: 6, source: { ports: ['90:80', 65_536, 'a b'] } }),
    `spec.ingress[0].source.ports[0]: ${PORT}`,
    `spec.ingress[0].source.ports[1]: ${PORT}`,
    `spec.ingress[0].source.ports[2]: ${PORT}`,
  ],
  [
    'NetworkPolicy',
    ingress({ source: { selector: 'global()' } }),
    'spec.ingress[0].source.selector: must not contain global()',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { namespaceSelector: 'global() || has(a)' } }),
    'spec.ingress[0].source.namespaceSelector: must contain nothing beside global()',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { serviceAccounts: { names: ['A'] } } }),
    `spec.ingress[0].source.serviceAccounts.names[0]: ${NAME}`,
  ],
  [
    'NetworkPolicy',
    ingress({ destination: { services: { name: 's' } } }),
    'spec.ingress[0].destination.services: is only for the source of ingress and the destination of egress rules',
  ],
  [
    'GlobalNetworkPolicy',
    ingress({ source: { services: {} } }),
    'spec.ingress[0].source.services.name: is required',
    'spec.ingress[0].source.services.namespace: is required outside a namespace',
  ],
  [
    'NetworkPolicy',
    ingress({ source: { services: { name: 's' }, selector: 'all()' } }),
    'spec.ingress[0].source.selector: cannot go together with services',
  ],
  [
    'NetworkPolicy',
    egress({ protocol: 'TCP', destination: { services: { name: 's' }, ports: [80] } }),
    'spec.egress[0].destination.ports: cannot go together with services: they bring their ports',
  ],
  [
    'NetworkPolicy',
    egress({ action: 'Deny', protocol: 'UDP', http: { paths: [{}] } }),
    'spec.egress[0].http: needs action Allow',
    'spec.egress[0].http: is only for ingress rules',
    'spec.egress[0].http: needs protocol TCP',
    'spec.egress[0].http.paths[0]: must have either exact or prefix',
  ],
  [
    'NetworkPolicy',
    ingress({ metadata: { annotations: { 'a b': 'x' } } }),
    'spec.ingress[0].metadata.annotations["a b"]: key must be an optional DNS prefix with "/", then at most 63 letters, digits, "-", "_" and "."',
  ],
  [
    'NetworkPolicy',
    ingress({ destination: { selctor: 'all()' } }),
    'spec.ingress[0].destination.selctor: is not a known field: did you mean selector?',
  ],
])

const INTERFACE = '1 to 15 characters of letters, digits, "_", "." and "-", and none of "all", "default", ".", ".."'

refuses('endpoints and sets', [
  ['HostEndpoint', { node: undefined }, 'spec.node: is required'],
  ['HostEndpoint', { interfaceName: undefined }, 'spec.interfaceName: is required without expectedIPs'],
  ['HostEndpoint', { interfaceName: 'a/b' }, `spec.interfaceName: must be "*", or ${INTERFACE}`],
  ['HostEndpoint', { expectedIPs: ['10.0.0.1/24'] }, 'spec.expectedIPs[0]: must be an IPv4 or IPv6 address'],
  [
    'HostEndpoint',
    { ports: [{ name: 'ssh', protocol: 'ICMP', port: 22 }] },
    'spec.ports[0].protocol: must be TCP, UDP or SCTP',
  ],
  [
    'HostEndpoint',
    { ports: [{ name: 'S', protocol: 'TCP', port: 0 }] },
    'spec.ports[0].name: must be 1 to 15 of lower-case letters, digits and single "-", with a letter, no "-" at the ends',
    'spec.ports[0].port: must be a whole number from 1 to 65535',
  ],
  ['WorkloadEndpoint', { interfaceName: undefined }, 'spec.interfaceName: is required'],
  ['WorkloadEndpoint', { interfaceName: '*' }, `spec.interfaceName: must be ${INTERFACE}`],
  ['WorkloadEndpoint', { ipNetworks: ['10.0.0.0/24'] }, 'spec.ipNetworks[0]: must be one address, with /32 or /128'],
  [
    'WorkloadEndpoint',
    { ipNATs: [{ internalIP: '10.0.0.8', externalIP: '1.2.3.4' }] },
    'spec.ipNATs[0].internalIP: must be one of ipNetworks',
  ],
  [
    'WorkloadEndpoint',
    { ipNATs: [{ internalIP: '10.0.0.9', externalIP: 'fd00::1' }] },
    'spec.ipNATs[0].externalIP: must be IPv4 as internalIP',
  ],
  [
    'WorkloadEndpoint',
    { ipv4Gateway: 'fd00::1', ipv6Gateway: '10.0.0.1' },
    'spec.ipv4Gateway: must be an IPv4 address',
    'spec.ipv6Gateway: must be an IPv6 address',
  ],
  ['WorkloadEndpoint', { mac: '1:2:3' }, 'spec.mac: must be a MAC address such as ee:ee:ee:ee:ee:ee'],
  ['WorkloadEndpoint', { profiles: ['a_b'] }, `spec.profiles[0]: ${NAME}`],
  [
    'WorkloadEndpoint',
    { ports: [{ port: 80 }] },
    'spec.ports[0].protocol: must be TCP, UDP or SCTP',
    'spec.ports[0].name: is required without a hostPort',
  ],
  [
    'WorkloadEndpoint',
    { qosControls: { ingressBandwidth: 0.5 } },
    'spec.qosControls.ingressBandwidth: must be a whole number',
  ],
  ['NetworkSet', { nets: ['10.0.0.0/33'] }, `spec.nets[0]: ${CIDR}`],
])

refuses('parameters of Felix', [
  [
    'FelixConfiguration',
    { reportingInterval: '30' },
    'spec.reportingInterval: must be numbers with the units h, m, s, ms, us or ns, such as 90s or 1m30s',
  ],
  [
    'FelixConfiguration',
    { logSeverityScreen: 'info' },
    'spec.logSeverityScreen: must be one of Trace, Debug, Info, Warning, Error, Fatal',
  ],
  ['FelixConfiguration', { vxlanPort: 0 }, 'spec.vxlanPort: must be a whole number from 1 to 65535'],
  [
    'FelixConfiguration',
    { natPortRange: 'http' },
    'spec.natPortRange: must be a number from 0 to 65535 or a range such as 30000:32767',
  ],
  [
    'FelixConfiguration',
    { kubeNodePortRanges: [1, 2, 3, 4, 5, 6, 7, 8] },
    'spec.kubeNodePortRanges: must have at most 7 entries',
  ],
  [
    'FelixConfiguration',
    { externalNodesList: ['fd00::1'] },
    'spec.externalNodesList[0]: must be an IPv4 address or a network such as 10.0.0.0/8',
  ],
  [
    'FelixConfiguration',
    { failsafeInboundHostPorts: [{ net: '10.0.0.1/8' }] },
    'spec.failsafeInboundHostPorts[0].port: is required',
    'spec.failsafeInboundHostPorts[0].net: needs host bits to be zero, as in 10.0.0.0/8',
  ],
  ['FelixConfiguration', { openstackRegion: 'A' }, 'spec.openstackRegion: must be a DNS label'],
  [
    'FelixConfiguration',
    { logActionRateLimit: '10/week' },
    'spec.logActionRateLimit: must be a rate such as 10/second',
  ],
  [
    'FelixConfiguration',
    { routeTableRange: { min: 0, max: 251 } },
    'spec.routeTableRange.min: must be a whole number from 1 to 250',
    'spec.routeTableRange.max: must be a whole number from 1 to 250',
  ],
  [
    'FelixConfiguration',
    { logSeverityScren: 'Info' },
    'spec.logSeverityScren: is not a known field: did you mean logSeverityScreen?',
  ],
])

describe('metadata', () => {
  const rows: [kind: Kind, metadata: Json, ...problems: string[]][] = [
    ['IPPool', { name: undefined }, 'metadata.name: is required'],
    ['IPPool', { name: 7 }, 'metadata.name: must be a string', 'metadata.name: is required'],
    ['IPPool', { name: 'P1' }, `metadata.name: ${NAME}`],
    ['IPPool', { namespace: 'shop' }, 'metadata.namespace: must be absent: IPPool has no namespaces'],
    ['NetworkSet', { namespace: undefined }, 'metadata.namespace: is required'],
    ['NetworkSet', { namespace: 'a/b' }, `metadata.namespace: ${NAME}`],
    [
      'Node',
      { labels: { a: 'b c' } },
      'metadata.labels.a: must be at most 63 letters, digits, "-", "_" and ".", beginning and ending with a letter or digit',
    ],
    [
      'Node',
      { labels: { 'A/b': 'c' } },
      'metadata.labels["A/b"]: key must be an optional DNS prefix with "/", then at most 63 letters, digits, "-", "_" and "."',
    ],
    ['Node', { labels: ['a'] }, 'metadata.labels: must be an object'],
    [
      'Node',
      { annotations: { note: 'x'.repeat(262_141) } },
      'metadata.annotations: must be at most 262144 characters in all',
    ],
    ['Node', { lables: {} }, 'metadata.lables: is not a known field: did you mean labels?'],
    ['ClusterInformation', { name: 'other' }, 'metadata.name: must be "default"'],
    ['KubeControllersConfiguration', { name: 'other' }, 'metadata.name: must be "default"'],
    ['Tier', { name: 'a.b' }, 'metadata.name: must be without a dot, at most 63 characters'],
    ['Tier', { name: 'default' }, 'spec.order: must be 1000000 in tier "default"'],
    ['GlobalNetworkPolicy', { name: 'a.b.c' }, 'metadata.name: must have one "." at most, after the tier'],
    ['GlobalNetworkPolicy', { name: 'sec.web' }, 'metadata.name: must begin with "default.", the tier of the policy'],
    [
      'NetworkSet',
      { labels: { 'projectcalico.org/namespace': 'x' } },
      'metadata.labels["projectcalico.org/namespace"]: must not be set: it is implied',
    ],
    [
      'GlobalNetworkSet',
      { labels: { 'projectcalico.org/namespace': 'x' } },
      'metadata.labels["projectcalico.org/namespace"]: must not be set: it is implied',
    ],
    [
      'WorkloadEndpoint',
      { name: 'a-b-c-d' },
      'metadata.name: must be host--a-cni-c0ffee-eth0, which follows from the spec',
    ],
    ['BGPConfiguration', { name: 'node.host-a' }],
  ]
  for (const [kind, metadata, ...expected] of rows) {
    test(`${kind} ${JSON.stringify(metadata).slice(0, 80)}`, () => {
      assert.deepEqual(
        problemsIn(kind, {}, metadata).map(({ field, reason }) => `${field}: ${reason}`),
        expected,
      )
    })
  }

  test('what only the cluster-wide BGPConfiguration may say', () => {
    const spec = { asNumber: 1, nodeToNodeMeshEnabled: true, serviceClusterIPs: [{ cidr: '10.0.0.0/8' }] }
    assert.deepEqual(
      problemsIn('BGPConfiguration', spec, { name: 'node.a' }).map(({ field }) => field),
      ['spec.nodeToNodeMeshEnabled', 'spec.asNumber', 'spec.serviceClusterIPs'],
    )
    assert.deepEqual(problemsIn('BGPConfiguration', spec), [])
  })

  test('a policy outside the tier default carries the tier in its name', () => {
    const inTier = (name: string) =>
      problemsIn('GlobalNetworkPolicy', { tier: 'sec' }, { name }).map(({ reason }) => reason)
    assert.deepEqual(inTier('sec.web'), [])
    assert.deepEqual(inTier('web'), ['must begin with "sec.", the tier of the policy'])
    assert.deepEqual(problemsIn('NetworkPolicy', {}, { name: 'knp.default.a.b' }), [])
  })

  test('a name of a workload endpoint needs its parts', () => {
    const fields = (spec: Json) =>
      problemsIn('WorkloadEndpoint', spec, { name: 'x' }).map(({ field, reason }) => `${field}: ${reason}`)
    assert.deepEqual(fields({ containerID: undefined }), ['spec.containerID: is required: the name is made of it'])
    assert.deepEqual(fields({ orchestrator: 'k8s' }), ['spec.pod: is required: the name is made of it'])
    assert.deepEqual(fields({ orchestrator: 'docker' }), ['spec.workload: is required: the name is made of it'])
  })
})

/** What Calico accepts and we refuse on purpose, with the reason. */
const STRICTER: readonly (readonly [why: string, ...row: Row])[] = [
  [
    'the kernel cannot negate an ICMP type without its protocol, and would refuse the whole table',
    'NetworkPolicy',
    ingress({ notICMP: { type: 8 }, protocol: 'TCP' }),
    'spec.ingress[0].notICMP: needs protocol ICMP or ICMPv6',
  ],
  [
    "the name would be a folder of the kernel's own below /proc/sys, whose settings are those of every interface",
    'WorkloadEndpoint',
    { interfaceName: 'all' },
    `spec.interfaceName: must be ${INTERFACE}`,
  ],
]
describe('stricter than Calico', () => {
  for (const [why, kind, spec, ...expected] of STRICTER)
    test(`${kind} ${JSON.stringify(spec)}: ${why}`, () =>
      assert.deepEqual(
        problemsIn(kind, spec).map(({ field, reason }) => `${field}: ${reason}`),
        expected,
      ))
})

test('all problems of a document come in one error, whose text names each', () => {
  assert.throws(
    () =>
      parseResource({
        apiVersion: 'v1',
        kind: 'IPPool',
        metadata: { name: 'P' },
        spec: { cidr: 'x', blockSize: 1.5 },
        sepc: {},
      }),
    {
      message:
        'Cannot accept IPPool "P": apiVersion = "v1": must be projectcalico.org/v3; sepc = {}: is not a known field: did you mean spec?; ' +
        `metadata.name = "P": ${NAME}; spec.cidr = "x": must be a network such as 10.0.0.0/8; ` +
        'spec.blockSize = 1.5: must be a whole number from 0 to 128',
    },
  )
})

test('what is no document at all', () => {
  const kindOf = (kind: unknown) => ({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name: 'x' } })
  assert.throws(() => parseResource(kindOf('IpPool')), {
    message: 'Cannot accept document "x": kind = "IpPool": is not a known kind: did you mean IPPool?',
  })
  assert.throws(() => parseResource(kindOf(undefined)), { message: 'Cannot accept document "x": kind: is required' })
  assert.throws(() => parseResource('text'), { code: 'INVALID' })
  assert.throws(() => parseResource([]), { code: 'INVALID' })
  assert.throws(() => parseResource({ ...kindOf('Node'), spec: 'text' }), {
    message: /spec = "text": must be an object/,
  })
  assert.throws(() => parseResource({ ...kindOf('Node'), metadata: 'text' }), {
    message: /metadata = "text": must be an object/,
  })
})
