/**
 * Documents of Calico 1 and 2 (`apiVersion: v1`) as documents of v3. Only what the user wrote is carried over: uid, versions and
 * times belong to the old cluster. Pure.
 */
import { CalicoError } from '@calico-node/core'
import { API_VERSION, legacyName, parseCidr, parseIp } from '@calico-node/model'
import { addressName, poolName } from '../documents/names.ts'
import { compact, fault, fieldsOf, listOf, requiredText, textMapOf, textOf, textsOf } from './fields.ts'
import { labelsOf, nodeNameOf, policyNameOf, profileNameOf, selectorOf } from './names.ts'
import { protocolOf, rulesOf } from './rules.ts'

interface Old {
  readonly metadata: unknown
  readonly spec: unknown
}
/** A v3 document, not yet checked. */
export interface Converted {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly spec: Readonly<Record<string, unknown>>
}

const made = (
  kind: string,
  metadata: Readonly<Record<string, unknown>>,
  spec: Readonly<Record<string, unknown>>,
): Converted => ({ apiVersion: API_VERSION, kind, metadata: compact(metadata), spec: compact(spec) })

function convertNode({ metadata, spec }: Old): Converted {
  const { name } = fieldsOf(metadata, 'metadata', ['name'])
  const { bgp, orchRefs } = fieldsOf(spec, 'spec', ['bgp', 'orchRefs'])
  return made(
    'Node',
    { name: nodeNameOf(requiredText(name, 'metadata.name')) },
    { bgp: compact(fieldsOf(bgp, 'spec.bgp', ['asNumber', 'ipv4Address', 'ipv6Address'])), orchRefs },
  )
}

/** Named ports of an endpoint. */
const portsOf = (value: unknown, at: string): Record<string, unknown>[] =>
  listOf(value, at).map((item, i) => {
    const { name, port, protocol } = fieldsOf(item, `${at}[${i}]`, ['name', 'port', 'protocol'])
    return compact({ name, port, protocol: protocolOf(protocol) })
  })

const profilesOf = (value: unknown): string[] => textsOf(value, 'spec.profiles').map(profileNameOf)

function convertHostEndpoint({ metadata, spec }: Old): Converted {
  const { name, node, labels } = fieldsOf(metadata, 'metadata', ['name', 'node', 'labels'])
  const old = fieldsOf(spec, 'spec', ['interfaceName', 'expectedIPs', 'profiles', 'ports'])
  const nodeName = nodeNameOf(requiredText(node, 'metadata.node'))
  return made(
    'HostEndpoint',
    {
      name: `${nodeName}.${legacyName(requiredText(name, 'metadata.name'))}`,
      labels: labelsOf(textMapOf(labels, 'metadata.labels')),
    },
    {
      node: nodeName,
      interfaceName: old.interfaceName,
      expectedIPs: old.expectedIPs,
      profiles: profilesOf(old.profiles),
      ports: portsOf(old.ports, 'spec.ports'),
    },
  )
}

/** How an orchestrator's workload is called in v3. */
function workloadIdentity(orchestrator: string, workload: string, activeInstance: string | undefined): Identity {
  switch (orchestrator) {
    case 'k8s': {
      const dot = workload.indexOf('.')
      if (dot < 1) throw fault('metadata.workload', workload, 'must be NAMESPACE.POD')
      return {
        namespace: workload.slice(0, dot),
        spec: { pod: workload.slice(dot + 1), containerID: activeInstance },
      }
    }
    case 'cni':
      return { namespace: 'default', spec: { containerID: workload } }
    case 'libnetwork':
      return { namespace: 'default', spec: { workload: 'libnetwork' } }
    default:
      return { namespace: 'default', spec: { workload: legacyName(workload) } }
  }
}
interface Identity {
  readonly namespace: string
  readonly spec: Readonly<Record<string, unknown>>
}

const WORKLOAD_METADATA = ['name', 'node', 'orchestrator', 'workload', 'activeInstanceID', 'labels'] as const
const WORKLOAD_SPEC = [
  'interfaceName',
  'ipNetworks',
  'ipNATs',
  'ipv4Gateway',
  'ipv6Gateway',
  'mac',
  'profiles',
  'ports',
] as const

function convertWorkloadEndpoint({ metadata, spec }: Old): Converted {
  const head = fieldsOf(metadata, 'metadata', WORKLOAD_METADATA)
  const old = fieldsOf(spec, 'spec', WORKLOAD_SPEC)
  const orchestrator = requiredText(head.orchestrator, 'metadata.orchestrator')
  const workload = requiredText(head.workload, 'metadata.workload')
  const identity = workloadIdentity(orchestrator, workload, textOf(head.activeInstanceID, 'metadata.activeInstanceID'))
  return made(
    'WorkloadEndpoint',
    { namespace: identity.namespace, labels: labelsOf(textMapOf(head.labels, 'metadata.labels')) },
    {
      ...old,
      orchestrator: legacyName(orchestrator),
      ...identity.spec,
      node: nodeNameOf(requiredText(head.node, 'metadata.node')),
      endpoint: legacyName(requiredText(head.name, 'metadata.name')),
      profiles: profilesOf(old.profiles),
      ports: portsOf(old.ports, 'spec.ports'),
    },
  )
}

function convertProfile({ metadata, spec }: Old): Converted {
  const { name, tags, labels } = fieldsOf(metadata, 'metadata', ['name', 'tags', 'labels'])
  const { ingress, egress } = fieldsOf(spec, 'spec', ['ingress', 'egress'])
  const ownLabels = textMapOf(labels, 'metadata.labels')
  const tagNames = textsOf(tags, 'metadata.tags')
  const both = tagNames.findIndex((tag) => ownLabels[tag] !== undefined)
  if (both >= 0)
    throw fault(`metadata.tags[${both}]`, tagNames[both], 'is a label of the profile too; a tag becomes a label in v3')
  return made(
    'Profile',
    { name: profileNameOf(requiredText(name, 'metadata.name')) },
    {
      labelsToApply: labelsOf({ ...ownLabels, ...Object.fromEntries(tagNames.map((tag) => [tag, ''])) }),
      ingress: rulesOf(ingress, 'spec.ingress'),
      egress: rulesOf(egress, 'spec.egress'),
    },
  )
}

const POLICY_SPEC = [
  'order',
  'selector',
  'ingress',
  'egress',
  'types',
  'doNotTrack',
  'preDNAT',
  'applyOnForward',
] as const
const TYPES: Readonly<Record<string, string>> = { ingress: 'Ingress', egress: 'Egress' }

function convertPolicy({ metadata, spec }: Old): Converted {
  const { name, annotations } = fieldsOf(metadata, 'metadata', ['name', 'annotations'])
  const old = fieldsOf(spec, 'spec', POLICY_SPEC)
  const types = textsOf(old.types, 'spec.types').map((type) => TYPES[type.toLowerCase()] ?? type)
  const selector = textOf(old.selector, 'spec.selector') ?? ''
  const special = old.doNotTrack === true || old.preDNAT === true
  return made(
    'GlobalNetworkPolicy',
    { name: policyNameOf(requiredText(name, 'metadata.name')), annotations },
    {
      order: old.order,
      selector: selector === '' ? 'all()' : selectorOf(selector),
      ingress: rulesOf(old.ingress, 'spec.ingress'),
      egress: rulesOf(old.egress, 'spec.egress'),
      // In v1 a policy without types held in both directions, also in one that it has no rules for.
      types: types.length > 0 ? types : old.preDNAT === true ? ['Ingress'] : ['Ingress', 'Egress'],
      doNotTrack: old.doNotTrack,
      preDNAT: old.preDNAT,
      // v3 wants it said for these; in v1 they held for forwarded packets anyway.
      applyOnForward: special ? true : old.applyOnForward,
    },
  )
}

function ipipModeOf(value: unknown): string {
  const { enabled, mode } = fieldsOf(value, 'spec.ipip', ['enabled', 'mode'])
  if (enabled !== true) return 'Never'
  switch (textOf(mode, 'spec.ipip.mode') ?? '') {
    case '':
    case 'always':
      return 'Always'
    case 'cross-subnet':
      return 'CrossSubnet'
    default:
      throw fault('spec.ipip.mode', mode, 'must be always or cross-subnet')
  }
}

function convertPool({ metadata, spec }: Old): Converted {
  const head = fieldsOf(metadata, 'metadata', ['cidr'])
  const old = fieldsOf(spec, 'spec', ['ipip', 'nat-outgoing', 'disabled'])
  const cidr = parseCidr(requiredText(head.cidr, 'metadata.cidr'))
  return made(
    'IPPool',
    { name: poolName(cidr) },
    { cidr, ipipMode: ipipModeOf(old.ipip), natOutgoing: old['nat-outgoing'], disabled: old.disabled },
  )
}

function convertPeer({ metadata, spec }: Old): Converted {
  const head = fieldsOf(metadata, 'metadata', ['scope', 'node', 'peerIP'])
  const { asNumber } = fieldsOf(spec, 'spec', ['asNumber'])
  const ip = parseIp(requiredText(head.peerIP, 'metadata.peerIP'))
  const peer = { peerIP: ip, asNumber }
  switch (requiredText(head.scope, 'metadata.scope')) {
    case 'global':
      if (textOf(head.node, 'metadata.node')) throw fault('metadata.node', head.node, 'contradicts scope global')
      return made('BGPPeer', { name: addressName(ip) }, peer)
    case 'node': {
      const node = nodeNameOf(requiredText(head.node, 'metadata.node'))
      return made('BGPPeer', { name: `${node}.${addressName(ip)}` }, { ...peer, node })
    }
    default:
      throw fault('metadata.scope', head.scope, 'must be global or node')
  }
}

const KINDS: Readonly<Record<string, (old: Old) => Converted>> = {
  node: convertNode,
  hostEndpoint: convertHostEndpoint,
  workloadEndpoint: convertWorkloadEndpoint,
  profile: convertProfile,
  policy: convertPolicy,
  ipPool: convertPool,
  bgpPeer: convertPeer,
}

/** @throws INVALID naming field and value; UNSUPPORTED for what has no v3 form */
export function convertDocument(document: unknown): Converted {
  const head = fieldsOf(document, '', ['apiVersion', 'kind', 'metadata', 'spec'])
  if (head.apiVersion === API_VERSION) throw fault('apiVersion', head.apiVersion, 'is v3 already; convert takes v1')
  if (head.apiVersion !== 'v1') throw fault('apiVersion', head.apiVersion, 'must be v1')
  const kind = requiredText(head.kind, 'kind')
  const convert = KINDS[kind]
  if (convert === undefined) {
    throw new CalicoError(
      'UNSUPPORTED',
      `conversion for the resource type '${kind}' is not supported: want ${Object.keys(KINDS).join(', ')}`,
    )
  }
  return convert({ metadata: head.metadata, spec: head.spec })
}
