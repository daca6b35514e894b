/** Endpoints and network sets as the graph sees them. */
import { CalicoError } from '@calico-node/core'
import {
  hostCidr,
  type Ip,
  ipVersion,
  parseCidr,
  parseNodeName,
  parseWorkloadEndpointName,
  type Protocol,
  protocolNumber,
  type Resource,
} from '@calico-node/model'
import type { HostInput, MemberSource, NamedPort, PortProtocol, WorkloadInput } from './inputs.ts'
import { setMembers } from './member-text.ts'
import { NAMESPACE_LABEL, NAMESPACE_PREFIX, SERVICE_ACCOUNT_LABEL, SERVICE_ACCOUNT_PREFIX } from './rule-scope.ts'
import type { ConversionRules } from './sources.ts'

/** Undefined for an endpoint without addresses, which counts as missing. @throws INVALID */
export function workloadInput(
  key: string,
  { metadata, spec }: Resource<'WorkloadEndpoint'>,
  { allowSpoofing, shared }: ConversionRules,
): WorkloadInput | undefined {
  const nets = spec.ipNetworks ?? []
  if (nets.length === 0) return undefined
  if ((spec.allowSpoofedSourcePrefixes ?? []).length > 0 && !allowSpoofing) {
    throw new CalicoError('INVALID', 'spec.allowSpoofedSourcePrefixes is set while WorkloadSourceSpoofing is Disabled')
  }
  const { node, orchestrator, workload, endpoint } = parseWorkloadEndpointName(metadata.name)
  return {
    type: 'workload',
    key,
    node: shared.node(parseNodeName(node)),
    id: {
      orchestrator: shared.text(orchestrator),
      workload: [metadata.namespace ?? '', workload].join('/'), // one string, where a template keeps its parts as well
      endpoint: shared.text(endpoint),
    },
    interfaceName: spec.interfaceName,
    ...(spec.mac !== undefined && { mac: spec.mac }),
    nets,
    ...floatingIps(spec.ipNATs),
    labels: shared.labels(workloadLabels(metadata.labels, spec.serviceAccountName)),
    parents: shared.profiles(spec.profiles ?? []),
    members: nets.flatMap(setMembers),
    ports: namedPorts(spec.ports),
  }
}

/** Pairs of two IP versions cannot be translated. */
function floatingIps(
  nats: readonly { readonly internalIP: Ip; readonly externalIP: Ip }[] = [],
): Pick<WorkloadInput, 'floatingIps'> {
  const pairs = nats
    .filter(({ internalIP, externalIP }) => ipVersion(internalIP) === ipVersion(externalIP))
    .map(({ internalIP: internal, externalIP: external }) => ({ external, internal }))
  return pairs.length === 0 ? {} : { floatingIps: pairs }
}

/** Inherited labels cannot be set on the endpoint itself, and its service account speaks through a label. */
function workloadLabels(
  labels: Readonly<Record<string, string>> | undefined,
  serviceAccount: string | undefined,
): [name: string, value: string][] {
  const own = Object.entries(labels ?? {}).filter(
    ([name]) => !name.startsWith(NAMESPACE_PREFIX) && !name.startsWith(SERVICE_ACCOUNT_PREFIX),
  )
  return serviceAccount ? [...own, [SERVICE_ACCOUNT_LABEL, serviceAccount]] : own
}

export function hostInput(key: string, { metadata, spec }: Resource<'HostEndpoint'>): HostInput {
  const expectedIps = spec.expectedIPs ?? []
  return {
    type: 'host',
    key,
    node: spec.node,
    name: metadata.name,
    ...(spec.interfaceName !== undefined && { interfaceName: spec.interfaceName }),
    expectedIps,
    labels: new Map(Object.entries(metadata.labels ?? {})),
    parents: spec.profiles ?? [],
    members: expectedIps.map(hostCidr).flatMap(setMembers),
    ports: namedPorts(spec.ports),
  }
}

export function globalNetworkSetInput({ metadata, spec }: Resource<'GlobalNetworkSet'>): MemberSource {
  return {
    labels: new Map(Object.entries(metadata.labels ?? {})),
    parents: [],
    members: (spec.nets ?? []).map(parseCidr).flatMap(setMembers),
    ports: [],
  }
}

/** Belongs to its namespace by label, and inherits the labels of the namespace's profile. */
export function networkSetInput({ metadata, spec }: Resource<'NetworkSet'>): MemberSource {
  const namespace = metadata.namespace ?? ''
  return {
    labels: new Map([...Object.entries(metadata.labels ?? {}), [NAMESPACE_LABEL, namespace]]),
    parents: [`kns.${namespace}`],
    members: (spec.nets ?? []).map(parseCidr).flatMap(setMembers),
    ports: [],
  }
}

const PORT_PROTOCOLS = new Map<number, PortProtocol>([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
])

const NO_PORTS: readonly NamedPort[] = []

interface SpecPort {
  readonly name?: string | undefined
  readonly protocol?: Protocol | undefined
  readonly port: number
}

/** Ports without a name, or of a protocol that has none, cannot be named by rules. */
const namedPorts = (ports?: readonly SpecPort[]): readonly NamedPort[] =>
  ports?.flatMap(({ name, protocol, port }) => {
    const word = PORT_PROTOCOLS.get(protocol === undefined ? 6 : protocolNumber(protocol))
    return name === undefined || name === '' || word === undefined ? [] : [{ name, protocol: word, port }]
  }) ?? NO_PORTS
