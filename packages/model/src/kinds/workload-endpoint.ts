import { hostCidr, ipVersion } from '../address/cidr.ts'
import {
  anyInteger,
  cidrText,
  doc,
  hostNet,
  integer,
  interfaceName,
  ip,
  ipv4,
  ipv6,
  list,
  mac,
  name,
  nodeName,
  object,
  opt,
  pattern,
  portName,
  portNumber,
  protocol,
  text,
} from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import { hasPorts } from '../text/port.ts'
import { expectedWorkloadName } from '../resource/workload-name.ts'
import type { Checked, KindDefinition } from './definition.ts'

const qos = (description: string) => opt(anyInteger(), description)

export const workloadEndpointSpec = object({
  orchestrator: doc(name(), 'What made the workload: cni, docker, libnetwork, k8s, openstack, ...'),
  workload: opt(name(), 'Name of the workload.'),
  node: doc(nodeName(), 'Node that the workload runs on.'),
  containerID: opt(
    pattern(/^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'letters, digits and "-"'),
    'Container, for orchestrator cni.',
  ),
  pod: opt(name(), 'Pod, for orchestrator k8s.'),
  endpoint: doc(name(), 'Name of the endpoint in the workload, such as eth0.'),
  serviceAccountName: opt(name(), 'Service account of the workload.'),
  ipNetworks: opt(list(hostNet()), 'Addresses of the workload. An endpoint without any is ignored.'),
  ipNATs: opt(
    list(
      object({
        internalIP: doc(ip(), 'One of the addresses of the workload.'),
        externalIP: doc(ip(), 'Address that stands for it outside.'),
      }),
    ),
    'Floating addresses.',
  ),
  ipv4Gateway: opt(ipv4(), 'Default gateway of the workload.'),
  ipv6Gateway: opt(ipv6(), 'IPv6 default gateway of the workload.'),
  profiles: opt(list(name()), 'Profiles, in order.'),
  interfaceName: doc(interfaceName(), 'Interface on the host.'),
  mac: opt(mac(), 'MAC address in the workload.'),
  ports: opt(
    list(
      object({
        name: opt(portName(), 'Name that rules use.'),
        protocol: opt(protocol(), 'TCP, UDP or SCTP.'),
        port: doc(portNumber(), 'Number.'),
        hostPort: doc(integer(0, 65_535).default(0), 'Port of the host that leads here; 0 = none.'),
        hostIP: doc(text().default(''), 'Address of the host that leads here.', { keepZero: true }),
      }),
    ),
    'Named ports.',
  ),
  allowSpoofedSourcePrefixes: opt(list(cidrText()), 'Foreign sources that the workload may send from.'),
  qosControls: opt(
    object({
      ingressBandwidth: qos('Bits per second to the workload.'),
      egressBandwidth: qos('Bits per second from the workload.'),
      ingressBurst: qos('Bits that may arrive at once.'),
      egressBurst: qos('Bits that may leave at once.'),
      ingressPacketRate: qos('Packets per second to the workload.'),
      egressPacketRate: qos('Packets per second from the workload.'),
      ingressMaxConnections: qos('Connections to the workload.'),
      egressMaxConnections: qos('Connections from the workload.'),
    }),
    'Limits of bandwidth, packets and connections.',
  ),
})

export type WorkloadEndpointSpec = Output<typeof workloadEndpointSpec>

export const workloadEndpoint: KindDefinition<typeof workloadEndpointSpec, WorkloadEndpointSpec> = {
  plural: 'workloadendpoints',
  namespaced: true,
  aliases: ['wep', 'weps'],
  summary: 'An interface of a workload. While it exists it is active.',
  spec: workloadEndpointSpec,
  check: addressProblems,
  checkWrite: writeProblems,
}

function* addressProblems({ spec }: Checked<WorkloadEndpointSpec>): Iterable<Problem> {
  for (const [at, { internalIP, externalIP }] of (spec.ipNATs ?? []).entries()) {
    const path = `spec.ipNATs[${at}]`
    if (ipVersion(internalIP) !== ipVersion(externalIP)) {
      yield {
        field: `${path}.externalIP`,
        value: externalIP,
        reason: `must be IPv${ipVersion(internalIP)} as internalIP`,
      }
    }
    if (!(spec.ipNetworks ?? []).includes(hostCidr(internalIP))) {
      yield { field: `${path}.internalIP`, value: internalIP, reason: 'must be one of ipNetworks' }
    }
  }
}

function* writeProblems({ metadata, spec }: Checked<WorkloadEndpointSpec>): Iterable<Problem> {
  const { name: expected, problems } = expectedWorkloadName(spec)
  yield* problems
  if (expected !== undefined && metadata.name !== expected) {
    yield { field: 'metadata.name', value: metadata.name, reason: `must be ${expected}, which follows from the spec` }
  }
  for (const [at, port] of (spec.ports ?? []).entries()) {
    const path = `spec.ports[${at}]`
    if (port.protocol === undefined || !hasPorts(port.protocol)) {
      yield { field: `${path}.protocol`, value: port.protocol, reason: 'must be TCP, UDP or SCTP' }
    }
    if (port.name === undefined && port.hostPort === 0) {
      yield { field: `${path}.name`, value: port.name, reason: 'is required without a hostPort' }
    }
  }
}
