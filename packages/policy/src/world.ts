/**
 * The resources that decide about packets, arranged for looking up. Built afresh from a list of resources; what does not
 * decide about packets is ignored.
 */
import {
  cidrContains,
  hostCidr,
  parseCidr,
  policyStorageName,
  protocolNumber,
  type Cidr,
  type GlobalNetworkPolicySpec,
  type Ip,
  type ProfileSpec,
  type Resource,
  type RuleSpec,
} from '@calico-node/model'
import type { Selector } from '@calico-node/selector'
import { NAMESPACE_LABEL, policySelector, SERVICE_ACCOUNT_LABEL } from './scope.ts'

export interface NamedPort {
  readonly name: string
  readonly protocol: number
  readonly port: number
}

/** Something that has addresses and labels: an endpoint or a network set. */
export interface Entity {
  readonly name: string
  readonly nets: readonly Cidr[]
  readonly labels: ReadonlyMap<string, string>
  readonly ports: readonly NamedPort[]
}

export interface Endpoint extends Entity {
  readonly kind: 'workload' | 'host'
  readonly node: string
  /** `*` stands for all traffic of a host; absent when the interface is found by its addresses. */
  readonly interfaceName?: string
  readonly profiles: readonly string[]
}

export interface Policy {
  /** As the user typed it. */
  readonly name: string
  readonly storageName: string
  readonly namespace?: string
  readonly tier: string
  readonly order: number
  readonly selector: Selector
  readonly ingress?: readonly RuleSpec[]
  readonly egress?: readonly RuleSpec[]
  readonly mode: 'normal' | 'untracked' | 'pre-dnat'
  readonly applyOnForward: boolean
}

export interface Tier {
  readonly name: string
  readonly defaultAction: 'Deny' | 'Pass'
  /** Sorted as they are evaluated. */
  readonly policies: readonly Policy[]
}

export class World {
  readonly tiers: readonly Tier[]
  readonly profiles: ReadonlyMap<string, ProfileSpec>
  readonly endpoints: readonly Endpoint[]
  /** Endpoints and network sets: whatever a rule's selector can find. */
  readonly entities: readonly Entity[]

  constructor(resources: readonly Resource[]) {
    this.profiles = new Map([
      ['projectcalico-default-allow', ALLOW_ALL],
      ...resources.filter((item) => isKind(item, 'Profile')).map((item) => [item.metadata.name, item.spec] as const),
    ])
    this.tiers = sortTiers(resources)
    this.endpoints = resources.flatMap((item) => this.#endpoint(item))
    this.entities = [...this.endpoints, ...resources.flatMap((item) => this.#networkSet(item))]
  }

  /** Entities that an address belongs to. */
  entitiesAt(ip: Ip): Entity[] {
    return this.entities.filter((entity) => entity.nets.some((net) => cidrContains(net, ip)))
  }

  #endpoint(item: Resource): Endpoint[] {
    if (isKind(item, 'WorkloadEndpoint')) {
      const { spec, metadata } = item
      const nets = (spec.ipNetworks ?? []).map((net) => parseCidr(net))
      if (nets.length === 0 || spec.node === undefined) return []
      const own = Object.entries(metadata.labels ?? {}).filter(([key]) => !/^pc(ns|sa)\./.test(key))
      if (spec.serviceAccountName !== undefined) own.push([SERVICE_ACCOUNT_LABEL, spec.serviceAccountName])
      const profiles = spec.profiles ?? []
      const ports = (spec.ports ?? []).flatMap(({ name, protocol, port }) =>
        name === undefined || protocol === undefined ? [] : [{ name, protocol: protocolNumber(protocol), port }],
      )
      const name = `${metadata.namespace ?? ''}/${metadata.name}`
      return [
        {
          kind: 'workload',
          name,
          nets,
          ports,
          profiles,
          node: spec.node,
          interfaceName: spec.interfaceName,
          labels: this.#inherit(new Map(own), profiles),
        },
      ]
    }
    if (isKind(item, 'HostEndpoint')) {
      const { spec, metadata } = item
      const profiles = spec.profiles ?? []
      const ports = (spec.ports ?? []).map(({ name, protocol, port }) => ({
        name,
        protocol: protocolNumber(protocol),
        port,
      }))
      return [
        {
          kind: 'host',
          name: metadata.name,
          nets: (spec.expectedIPs ?? []).map((ip) => hostCidr(ip)),
          ports,
          profiles,
          node: spec.node,
          labels: this.#inherit(new Map(Object.entries(metadata.labels ?? {})), profiles),
          ...(spec.interfaceName === undefined ? {} : { interfaceName: spec.interfaceName }),
        },
      ]
    }
    return []
  }

  #networkSet(item: Resource): Entity[] {
    if (!isKind(item, 'NetworkSet') && !isKind(item, 'GlobalNetworkSet')) return []
    const { metadata, spec } = item
    const own = new Map(Object.entries(metadata.labels ?? {}))
    const nets = (spec.nets ?? []).map((net) => parseCidr(net))
    if (metadata.namespace === undefined) return [{ name: metadata.name, nets, labels: own, ports: [] }]
    const labels = this.#inherit(own.set(NAMESPACE_LABEL, metadata.namespace), [`kns.${metadata.namespace}`])
    return [{ name: `${metadata.namespace}/${metadata.name}`, nets, labels, ports: [] }]
  }

  /** Own labels win; then the first profile in order that has the label. */
  #inherit(own: ReadonlyMap<string, string>, profiles: readonly string[]): Map<string, string> {
    const labels = new Map<string, string>()
    for (const name of profiles.toReversed()) {
      for (const [key, value] of Object.entries(this.profiles.get(name)?.labelsToApply ?? {})) labels.set(key, value)
    }
    for (const [key, value] of own) labels.set(key, value)
    return labels
  }
}

const ALLOW_ALL: ProfileSpec = {
  ingress: [{ action: 'Allow', source: {}, destination: {} }],
  egress: [{ action: 'Allow', source: {}, destination: {} }],
}

function isKind<K extends Resource['kind']>(item: Resource, kind: K): item is Extract<Resource, { kind: K }> {
  return item.kind === kind
}

function policyOf(item: Resource): Policy[] {
  if (!isKind(item, 'NetworkPolicy') && !isKind(item, 'GlobalNetworkPolicy')) return []
  const { metadata, spec }: { metadata: Resource['metadata']; spec: GlobalNetworkPolicySpec } = item
  const types = spec.types ?? []
  const applies = (type: 'Ingress' | 'Egress'): boolean => types.length === 0 || types.includes(type)
  return [
    {
      name: metadata.name,
      storageName: policyStorageName(metadata.name),
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      tier: spec.tier,
      order: spec.order ?? Infinity,
      selector: policySelector(spec, metadata.namespace),
      ...(applies('Ingress') ? { ingress: spec.ingress ?? [] } : {}),
      ...(applies('Egress') ? { egress: spec.egress ?? [] } : {}),
      mode: spec.doNotTrack === true ? 'untracked' : spec.preDNAT === true ? 'pre-dnat' : 'normal',
      applyOnForward: spec.applyOnForward === true,
    },
  ]
}

/** Byte order of the key: `namespace/storage name`, or the storage name alone. */
const sortKey = ({ namespace, storageName }: Policy): string =>
  namespace === undefined ? storageName : `${namespace}/${storageName}`
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Tiers without an object still apply, after all others, and deny at their end. */
function sortTiers(resources: readonly Resource[]): Tier[] {
  const policies = resources.flatMap(policyOf)
  const objects = new Map(
    resources.filter((item) => isKind(item, 'Tier')).map((item) => [item.metadata.name, item.spec]),
  )
  const names = new Set([...objects.keys(), ...policies.map((policy) => policy.tier)])
  const order = (name: string): number => objects.get(name)?.order ?? Infinity
  return [...names]
    .toSorted((a, b) => Number(objects.has(b)) - Number(objects.has(a)) || compare(order(a), order(b)) || byText(a, b))
    .map((name) => ({
      name,
      defaultAction: objects.get(name)?.defaultAction ?? 'Deny',
      policies: policies
        .filter((policy) => policy.tier === name)
        .toSorted((a, b) => compare(a.order, b.order) || byText(sortKey(a), sortKey(b))),
    }))
}

const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0)
