import {
  asNumber,
  bool,
  doc,
  duration,
  integer,
  interfacePattern,
  ip,
  list,
  name,
  netText,
  object,
  oneOf,
  opt,
  parsed,
  text,
} from '../schema/fields.ts'
import type { Output } from '../schema/output.ts'
import type { Problem } from '../schema/problem.ts'
import type { Checked, KindDefinition } from './definition.ts'

export const COMMUNITY_RULE =
  'a community such as 64512:100 (two of 0 to 65535) or 64512:1:2 (three of 0 to 4294967295)'

/** A standard or large BGP community; the text as it is written. */
export function findCommunity(text: string): string | undefined {
  const parts = text.split(':')
  const max = parts.length === 2 ? 0xffff : 0xffff_ffff
  const ok =
    (parts.length === 2 || parts.length === 3) &&
    parts.every((part) => /^(0|[1-9]\d{0,9})$/.test(part) && Number(part) <= max)
  return ok ? text : undefined
}

const cidrs = () => list(object({ cidr: doc(netText(), 'Network.') }))

/** A key of a Kubernetes secret. */
export const secret = () =>
  object({
    secretKeyRef: opt(
      object({
        name: opt(text(), 'Name of the secret.'),
        key: doc(text(), 'Key in the secret.'),
      }),
      'Where the password is.',
    ),
  })

export const bgpConfigurationSpec = object({
  logSeverityScreen: opt(
    oneOf('Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'),
    'Least severity of what is logged.',
    {
      fallback: 'Info',
    },
  ),
  nodeToNodeMeshEnabled: opt(bool(), 'Every node has a session with every other.', {
    fallback: 'true',
    rule: 'only on "default"',
  }),
  asNumber: opt(asNumber(), 'AS number of nodes that have none of their own.', {
    fallback: '64512',
    rule: 'only on "default"',
  }),
  serviceLoadBalancerIPs: opt(cidrs(), 'Load balancer addresses of services to announce.', {
    rule: 'only on "default"',
  }),
  serviceExternalIPs: opt(cidrs(), 'External addresses of services to announce.', { rule: 'only on "default"' }),
  serviceClusterIPs: opt(cidrs(), 'Cluster addresses of services to announce.', { rule: 'only on "default"' }),
  communities: opt(
    list(
      object({
        name: doc(name(), 'Name for prefixAdvertisements.'),
        value: doc(parsed('community', COMMUNITY_RULE, findCommunity), 'The community.'),
      }),
    ),
    'Named communities.',
    { rule: 'needs prefixAdvertisements' },
  ),
  prefixAdvertisements: opt(
    list(
      object({
        cidr: opt(netText(), 'Routes inside this network.'),
        communities: opt(list(text()), 'Communities that they get: values or names.'),
      }),
    ),
    'Communities of announced routes.',
  ),
  listenPort: opt(integer(0, 65_535), 'Port that BIRD listens on.', {
    fallback: '179',
    rule: '1 to 65535',
    omitZero: true,
  }),
  nodeMeshPassword: opt(secret(), 'Password of the mesh sessions; a Kubernetes secret.', { rule: 'only on "default"' }),
  nodeMeshMaxRestartTime: opt(duration(), 'How long mesh peers keep the routes of a node that restarts.', {
    fallback: '120s, by BIRD',
    rule: 'only on "default"',
  }),
  bindMode: opt(oneOf('None', 'NodeIP'), 'Listen on all addresses, or on the address of the node only.', {
    fallback: 'None',
  }),
  ignoredInterfaces: opt(list(interfacePattern()), 'Interfaces whose networks are not announced.'),
  localWorkloadPeeringIPV4: opt(ip(), 'Address that workloads peer with.'),
  localWorkloadPeeringIPV6: opt(ip(), 'IPv6 address that workloads peer with.'),
  serviceLoadBalancerAggregation: opt(
    oneOf('Enabled', 'Disabled'),
    'Announce networks of load balancers in place of single addresses.',
  ),
  programClusterRoutes: opt(
    oneOf('Enabled', 'Disabled', 'EnabledNoEncapOnly', 'EnabledIPIPOnly'),
    'Which routes between nodes BIRD programs. Those of IP-in-IP pools are always written by Felix.',
    { fallback: 'EnabledNoEncapOnly' },
  ),
  ipv4NormalRoutePriority: opt(integer(0, 0x7fff_ffff), 'Metric of IPv4 routes.'),
  ipv6NormalRoutePriority: opt(integer(0, 0x7fff_ffff), 'Metric of IPv6 routes.'),
})

export type BGPConfigurationSpec = Output<typeof bgpConfigurationSpec>

const CLUSTER_WIDE = [
  'nodeToNodeMeshEnabled',
  'asNumber',
  'serviceLoadBalancerIPs',
  'serviceExternalIPs',
  'serviceClusterIPs',
  'nodeMeshPassword',
  'nodeMeshMaxRestartTime',
] as const

export const bgpConfiguration: KindDefinition<typeof bgpConfigurationSpec, BGPConfigurationSpec> = {
  plural: 'bgpconfigurations',
  namespaced: false,
  aliases: ['bgpconfig', 'bgpconfigs'],
  summary: 'BGP of the cluster ("default"), or what differs on one node ("node.NAME").',
  spec: bgpConfigurationSpec,
  check: communityProblems,
  checkWrite: writeProblems,
}

function* communityProblems({ spec }: Checked<BGPConfigurationSpec>): Iterable<Problem> {
  const names = new Set<string>((spec.communities ?? []).map((community) => community.name))
  for (const [at, { communities = [] }] of (spec.prefixAdvertisements ?? []).entries()) {
    for (const [index, value] of communities.entries()) {
      if (names.has(value) || findCommunity(value) !== undefined) continue
      const field = `spec.prefixAdvertisements[${at}].communities[${index}]`
      yield { field, value, reason: `must be a name from communities, or ${COMMUNITY_RULE}` }
    }
  }
}

function* writeProblems({ metadata, spec }: Checked<BGPConfigurationSpec>): Iterable<Problem> {
  if (metadata.name !== 'default') {
    for (const key of CLUSTER_WIDE) {
      if (spec[key] !== undefined)
        yield { field: `spec.${key}`, value: spec[key], reason: 'is only allowed on "default"' }
    }
  }
  if (spec.nodeToNodeMeshEnabled === false) {
    for (const key of ['nodeMeshPassword', 'nodeMeshMaxRestartTime'] as const) {
      if (spec[key] !== undefined)
        yield { field: `spec.${key}`, value: spec[key], reason: 'needs the node-to-node mesh' }
    }
  }
  if ((spec.communities ?? []).length > 0 && (spec.prefixAdvertisements ?? []).length === 0) {
    yield { field: 'spec.communities', value: spec.communities, reason: 'needs prefixAdvertisements that use them' }
  }
}
