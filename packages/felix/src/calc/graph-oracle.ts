/**
 * What a receiver must hold for a datastore state, worked out from nothing: every selector against every endpoint,
 * without index, counts or memory. For tests of the graph, which shares with it only the reading of single resources
 * and rules.
 */
import { type Cidr, cidrContains } from '@calico-node/model'
import { Dispatcher } from './dispatcher.ts'
import { RoutingOracle, type RoutingFacts } from './graph-oracle-routes.ts'
import { CONFIG, type DataState, Receiver } from './graph-testing.ts'
import type { EndpointInput, InputKind, InputValue, Labelled, PolicyInput, RuleSource } from './inputs.ts'
import { type EndpointTier, type RuleLists, type SetId, workloadKey } from './messages.ts'
import { scanRules } from './rule-scanner.ts'
import type { SetSpec } from './set-id.ts'
import { ValidationFilter } from './validation-filter.ts'

export function evaluate(state: DataState, config = CONFIG): Receiver {
  const updates = [...state].map(([key, value]) => ({ key, kv: { value, modRevision: 1n } }))
  const facts = new Dispatcher()
  for (const input of new ValidationFilter({ allowSpoofing: false }).filter(updates).inputs) facts.dispatch(input)
  const { result, routing } = new Oracle(facts)
  new RoutingOracle({ ...routing(), config }).fill(result)
  return result
}

class Oracle {
  readonly result = new Receiver()
  readonly #facts: Dispatcher
  readonly #sets = new Map<SetId, SetSpec>()

  constructor(facts: Dispatcher) {
    this.#facts = facts
    for (const endpoint of this.#all('endpoint')) if (endpoint.node === 'here') this.#place(endpoint)
    for (const policy of this.#all('policy'))
      if (policy.everywhere) this.result.policies.set(policy.id, this.#rules(policy.rules))
    for (const { id, tier } of this.#all('policy')) if (this.result.policies.has(id)) this.#noteTier(tier)
    for (const [id, spec] of this.#sets) this.result.sets.set(id, this.#membersOf(spec))
    for (const { name, ips } of this.#all('node')) this.result.nodes.set(name, ips)
    const lastNameFirst = this.#all('pool').toSorted((x, y) => (x.name < y.name ? 1 : -1))
    for (const { cidr, spec } of lastNameFirst) this.result.pools.set(cidr, spec)
    for (const { serviceNetworks } of this.#all('cluster-bgp')) this.result.serviceNetworks = serviceNetworks
    this.#noteMisplaced()
  }

  readonly routing = (): Omit<RoutingFacts, 'config'> => {
    const lastNameFirst = this.#all('pool').toSorted((x, y) => (x.name < y.name ? 1 : -1))
    const pools = [...new Map(lastNameFirst.map((pool) => [pool.cidr, pool])).values()]
    return { nodes: this.#all('node'), blocks: this.#all('block'), pools }
  }

  #all<K extends InputKind>(kind: K): InputValue<K>[] {
    return [...this.#facts.facts(kind).values()]
  }

  #labelsOf(item: Labelled): ReadonlyMap<string, string> {
    const profiles = this.#all('profile')
    const inherited = item.parents
      .toReversed()
      .flatMap((parent) => [...(profiles.find(({ id }) => id === parent)?.labels ?? [])])
    return new Map([...inherited, ...item.labels])
  }

  #rules(source: RuleSource): RuleLists {
    const { rules, sets } = scanRules(source)
    for (const [id, spec] of sets) this.#sets.set(id, spec)
    return rules
  }

  #membersOf({ selector, port }: SetSpec): Set<string> {
    const chosen = [...this.#all('endpoint'), ...this.#all('network-set')].filter((one) =>
      selector.matches(this.#labelsOf(one)),
    )
    if (port === undefined) return new Set(chosen.flatMap(({ members }) => members))
    return new Set(
      chosen.flatMap(({ members, ports }) =>
        ports
          .filter(({ name, protocol }) => name === port.name && protocol === port.protocol)
          .flatMap(({ port: number }) => members.map((ip) => `${ip},${port.protocol}:${number}`)),
      ),
    )
  }

  #place(endpoint: EndpointInput): void {
    const policies = this.#all('policy').filter(({ selector }) => selector.matches(this.#labelsOf(endpoint)))
    for (const policy of policies) this.result.policies.set(policy.id, this.#rules(policy.rules))
    for (const id of endpoint.parents) this.result.profiles.set(id, this.#rules(this.#profileRules(id)))
    const tiers = (chosen: (policy: PolicyInput) => boolean): EndpointTier[] => this.#tiers(policies.filter(chosen))
    const normal = tiers(({ stage }) => stage === 'normal')
    if (endpoint.type === 'workload') {
      const { id, interfaceName, mac, nets, floatingIps, parents } = endpoint
      const labels = this.#labelsOf(endpoint)
      const peers = this.#all('workload-peer').filter(({ selector }) => selector.matches(labels))
      const [bgpPeer] = peers.map(({ name }) => name).toSorted()
      const value = {
        id,
        interfaceName,
        ...(mac !== undefined && { mac }),
        nets,
        ...(floatingIps !== undefined && { floatingIps }),
        tiers: normal,
        profiles: parents,
        ...(bgpPeer !== undefined && { bgpPeer }),
      }
      this.result.workloads.set(workloadKey(id), value)
      return
    }
    const { name, interfaceName, expectedIps, parents } = endpoint
    this.result.hosts.set(name, {
      name,
      ...(interfaceName !== undefined && { interfaceName }),
      expectedIps,
      tiers: normal,
      untrackedTiers: tiers(({ stage }) => stage === 'untracked'),
      preDnatTiers: tiers(({ stage }) => stage === 'pre-dnat'),
      forwardTiers: tiers(({ stage, applyOnForward }) => stage === 'normal' && applyOnForward),
      profiles: parents,
    })
  }

  #noteTier(tier: string): void {
    if (this.#all('tier').some(({ name }) => name === tier)) return
    const reason = `Tier ${tier} does not exist: its policies come after all others and deny what they do not allow`
    this.result.notices.set(`tier ${tier}`, reason)
  }

  #noteMisplaced(): void {
    const [pools, nodes] = [this.#all('pool'), this.#all('node').map(({ name }) => name)]
    const isOutside = (net: Cidr): boolean => !pools.some(({ cidr }) => cidrContains(cidr, net))
    const [first, ...others] = [...this.#facts.facts('endpoint')]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, one]) => (one.type === 'workload' && one.node === 'here' && one.nets.some(isOutside) ? [one] : []))
    if (first !== undefined && pools.length > 0) {
      const reason = `Workloads of this host have addresses in no IP pool, which other hosts may not reach: ${first.id.workload} (${first.nets.join(', ')})`
      this.result.notices.set('addresses outside pools', others.length === 0 ? reason : `${reason} and others`)
    }
    const unknown = new Set(this.#all('endpoint').flatMap(({ node }) => (nodes.includes(node) ? [] : [node])))
    if (unknown.size === 0 || nodes.length === 0) return
    const names = [...unknown].toSorted().map((name) => (name === 'here' ? 'here (is here.lab meant?)' : name))
    this.result.notices.set('unknown nodes', `Endpoints name Nodes that do not exist: ${names.join(', ')}`)
  }

  #profileRules(id: string): RuleSource {
    const found = this.#all('profile').find((profile) => profile.id === id)
    const both = (action: 'Allow' | 'Deny') => [{ action, source: {}, destination: {} }]
    if (found !== undefined) return found.rules
    const action = id === 'projectcalico-default-allow' ? 'Allow' : 'Deny'
    return { ingress: both(action), egress: both(action) }
  }

  /** Tiers sorted as wholes, then what each holds: the graph sorts policies and groups them instead. */
  #tiers(policies: readonly PolicyInput[]): EndpointTier[] {
    const known = this.#all('tier').toSorted((x, y) => x.order - y.order || (x.name < y.name ? -1 : 1))
    const unknown = [...new Set(policies.map(({ tier }) => tier))]
      .filter((name) => !known.some((tier) => tier.name === name))
      .toSorted()
    return [...known, ...unknown.map((name) => ({ name, defaultAction: 'Deny' as const }))].flatMap(
      ({ name, defaultAction }) => {
        const inTier = policies.filter(({ tier }) => tier === name)
        inTier.sort((x, y) => (x.order === y.order ? (x.sortName < y.sortName ? -1 : 1) : x.order - y.order))
        if (inTier.length === 0) return []
        const ids = (direction: 'ingress' | 'egress') =>
          inTier.filter((policy) => policy[direction]).map(({ id }) => id)
        return [{ name, defaultAction, ingress: ids('ingress'), egress: ids('egress') }]
      },
    )
  }
}
