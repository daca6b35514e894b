/** Random states of a cluster, as one node sees it. */
import { makeResource, type Resource, type SpecInput } from '@calico-node/model'
import { addressesOf, endpointOf, NODE } from '../kernel/scene.ts'
import { HOST_IPS, UPLINK } from '../kernel/wires.ts'
import { given, type Random } from './random.ts'
import { randomRules } from './rules.ts'
import { ACCOUNTS, labels, NAMESPACES, NETS, PORT_NAMES, PORTS, REMOTE_IPS, selector, WORKLOADS } from './vocabulary.ts'

type PolicyInput = SpecInput<'GlobalNetworkPolicy'>
const ALLOW = [{ action: 'Allow' as const }]

/** Everything valid; each a resource that users could have written. */
export function randomResources(random: Random): Resource[] {
  const tiers = random.some(random.below(4), ['alpha', 'beta', 'gamma'])
  return [
    makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
    ...tiers.map((name) => randomTier(random, name)),
    ...randomProfiles(random),
    ...WORKLOADS.flatMap((name) => random.maybe(0.93, () => randomWorkload(random, name)) ?? []),
    ...randomRemotes(random),
    ...randomSets(random),
    ...(random.chance(0.75) ? randomHosts(random) : []),
    ...random.list(6 + random.below(12), (at) => randomPolicy(random, at, tiers)),
  ]
}

const randomTier = (random: Random, name: string): Resource =>
  makeResource(
    'Tier',
    { name },
    given({
      order: random.maybe(0.8, () => random.below(3)),
      defaultAction: random.pick(['Deny', 'Pass', 'Pass'] as const),
    }),
  )

function randomProfiles(random: Random): Resource[] {
  const profile = (name: string, labelsToApply: Record<string, string>, open: number): Resource => {
    const rules = (direction: 'ingress' | 'egress') =>
      random.chance(open) ? ALLOW : randomRules(random, { direction, namespaced: false })
    return makeResource('Profile', { name }, { labelsToApply, ingress: rules('ingress'), egress: rules('egress') })
  }
  const prefixed = (prefix: string, more: Record<string, string> = {}): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(labels(random)).map(([key, value]) => [`${prefix}${key}`, value])),
    ...more,
  })
  return [
    ...NAMESPACES.map((name) =>
      profile(`kns.${name}`, prefixed('pcns.', random.chance(0.5) ? { 'pcns.team': name } : {}), 0.7),
    ),
    ...NAMESPACES.flatMap((name) => ACCOUNTS.map((account) => profile(`ksa.${name}.${account}`, prefixed('pcsa.'), 0))),
    profile('open', {}, 1),
    profile('odd', labels(random), 0.2),
  ]
}

function randomWorkload(random: Random, name: (typeof WORKLOADS)[number]): Resource {
  const namespace = random.pick(NAMESPACES)
  const account = random.maybe(0.4, () => random.pick(ACCOUNTS))
  const profiles = [
    ...(random.chance(0.8) ? [`kns.${namespace}`] : []),
    ...(account === undefined ? [] : [`ksa.${namespace}.${account}`]),
    ...random.weighted<string[]>(
      [5, []],
      [3, ['open']],
      [1, ['odd', 'open']],
      [1, ['gone', 'open']],
      [0.5, ['projectcalico-default-allow']],
    ),
  ]
  const families = random.weighted([8, [0, 1]], [1, [0]], [1, [1]])
  const ips = families.flatMap((index) => addressesOf(name)[index] ?? [])
  return endpointOf(
    name,
    { namespace, labels: labels(random) },
    {
      ipNetworks: ips.map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`),
      profiles,
      ports: randomPorts(random),
      ...given({ serviceAccountName: account }),
    },
  )
}

const randomPorts = (random: Random) =>
  random
    .some(random.below(4), PORT_NAMES)
    .map((name) => ({ name, protocol: random.pick(['TCP', 'UDP', 'SCTP'] as const), port: random.pick(PORTS) }))

/** Workloads of another node: addresses and labels, nothing more. */
const randomRemotes = (random: Random): Resource[] =>
  random.some(random.below(4), [0, 1, 2]).map((at) => {
    const namespace = random.pick(NAMESPACES)
    return makeResource(
      'WorkloadEndpoint',
      {
        namespace,
        labels: {
          ...labels(random),
          'projectcalico.org/namespace': namespace,
          'projectcalico.org/orchestrator': 'test',
        },
      },
      {
        orchestrator: 'test',
        workload: `remote${at}`,
        node: 'n2',
        endpoint: 'eth0',
        interfaceName: `cali${at}`,
        ipNetworks: REMOTE_IPS.slice(2 * at, 2 * at + 2).map((ip) => `${ip}/${ip.includes(':') ? 128 : 32}`),
        profiles: [`kns.${namespace}`],
        ports: randomPorts(random),
      },
    )
  })

const randomSets = (random: Random): Resource[] =>
  random.list(random.below(4), (at) => {
    const spec = { nets: [...random.some(1 + random.below(3), NETS[4]), ...random.some(random.below(3), NETS[6])] }
    const name = `set-${at}`
    return random.chance(0.5)
      ? makeResource('GlobalNetworkSet', { name, labels: labels(random) }, spec)
      : makeResource('NetworkSet', { name, namespace: random.pick(NAMESPACES), labels: labels(random) }, spec)
  })

/** One to three, so that some stand in the shadow of others. */
const randomHosts = (random: Random): Resource[] =>
  random.list(1 + random.below(3), (at) => {
    const where = random.weighted<Partial<SpecInput<'HostEndpoint'>>>(
      [4, { interfaceName: UPLINK }],
      [2, { interfaceName: UPLINK, expectedIPs: HOST_IPS }],
      [2, { interfaceName: '*' }],
      [1, { interfaceName: '*', expectedIPs: HOST_IPS }],
      [2, { expectedIPs: [random.pick(HOST_IPS)] }],
      [1, { interfaceName: 'eth9' }],
    )
    const profiles = random.weighted<string[]>([4, ['open']], [1, []], [1, ['odd', 'open']], [1, ['odd']])
    return makeResource(
      'HostEndpoint',
      { name: `host-${random.below(9)}-${at}`, labels: labels(random) },
      {
        node: random.chance(0.9) ? NODE : 'n2',
        profiles,
        ports: randomPorts(random),
        ...where,
      },
    )
  })

function randomPolicy(random: Random, at: number, tiers: readonly string[]): Resource {
  const tier = random.weighted<string>(
    [2, 'default'],
    [tiers.length, tiers[0] ?? 'default'],
    [tiers.length, tiers[1] ?? 'default'],
    [0.15, 'lost'],
  )
  const name = tier === 'default' ? `p${at}` : `${tier}.p${at}`
  const namespace = random.maybe(0.35, () => random.pick(NAMESPACES))
  const types = random.pick<NonNullable<PolicyInput['types']>>([['Ingress'], ['Egress'], ['Ingress', 'Egress']])
  const rules = (direction: 'ingress' | 'egress') =>
    randomRules(random, { direction, namespaced: namespace !== undefined })
  const common = {
    tier,
    types,
    ...given({
      order: random.maybe(0.8, () => random.pick([-1, 0, 0.5, 1, 2, 2])),
      selector: random.maybe(0.9, () => selector(random)),
      serviceAccountSelector: random.maybe(0.08, () => selector(random, 1)),
      performanceHints: random.maybe(0.05, () => ['AssumeNeededOnEveryNode' as const]),
      ingress: rules('ingress'),
      egress: rules('egress'),
    }),
  }
  if (namespace !== undefined)
    return makeResource(random.chance(0.06) ? 'StagedNetworkPolicy' : 'NetworkPolicy', { name, namespace }, common)
  // These choose host endpoints only, and there are few.
  const mostHosts = random.chance(0.5) ? { selector: 'all()' } : {}
  const stage = random.weighted<PolicyInput>(
    [12, {}],
    [4, { applyOnForward: true }],
    [3, { ...mostHosts, applyOnForward: true, doNotTrack: true }],
    [2, { ...mostHosts, applyOnForward: true, preDNAT: true, types: ['Ingress'], egress: [] }],
  )
  const spec = { ...common, ...given({ namespaceSelector: random.maybe(0.12, () => selector(random, 1)) }), ...stage }
  return makeResource(random.chance(0.06) ? 'StagedGlobalNetworkPolicy' : 'GlobalNetworkPolicy', { name }, spec)
}
