/** Random rules: any field that the model knows, alone and together, in any combination that it accepts. */
import type { Resource, RuleSpec, SpecInput } from '@calico-node/model'
import { given, type Random } from './random.ts'
import { ACCOUNTS, ICMP_TYPES, NETS, OTHER_PROTOCOLS, PORT_NAMES, PORTS, RANGES, selector } from './vocabulary.ts'

export type RuleInput = NonNullable<SpecInput<'GlobalNetworkPolicy'>['ingress']>[number]
type SideInput = NonNullable<RuleInput['source']>
type ProtocolInput = NonNullable<RuleInput['protocol']>

export interface RuleContext {
  readonly direction: 'ingress' | 'egress'
  readonly namespaced: boolean
}

export function randomRules(random: Random, context: RuleContext): RuleInput[] {
  return random.list(random.weighted([1, 0], [3, 1], [4, 2], [3, 3], [1, 5]), () => randomRule(random, context))
}

function randomRule(random: Random, context: RuleContext): RuleInput {
  // Most rules say little, so that something matches; some say all they can.
  const density = random.weighted([2, 0.05], [5, 0.2], [2, 0.4], [1.5, 0.9])
  const version = random.weighted<4 | 6>([3, 4], [2, 6])
  const kind = random.weighted<'any' | 'ports' | 'icmp' | 'other' | 'http' | 'services'>(
    [4, 'any'],
    [7, 'ports'],
    [2, 'icmp'],
    [2, 'other'],
    [0.4, 'http'],
    [0.3, 'services'],
  )
  const protocol =
    kind === 'ports'
      ? portProtocol(random)
      : kind === 'icmp'
        ? icmpProtocol(random, version)
        : kind === 'other'
          ? otherProtocol(random, version)
          : undefined
  const withPorts = kind === 'ports'
  const side = (): SideInput => randomSide(random, { density, version, withPorts })
  const action = random.weighted<RuleInput['action']>([9, 'Allow'], [6, 'Deny'], [3, 'Pass'], [1, 'Log'])
  const rule: RuleInput = {
    action,
    ...given({
      protocol,
      notProtocol: random.maybe(density * 0.4, () =>
        random.pick<ProtocolInput>(['TCP', 'UDP', 'SCTP', 'ICMP', 'UDPLite', 99]),
      ),
      ipVersion: random.maybe(density * 0.5, () => version),
      icmp: kind === 'icmp' ? random.maybe(0.6, () => icmp(random, version)) : undefined,
      notICMP: kind === 'icmp' ? random.maybe(0.3, () => icmp(random, version)) : undefined,
      metadata: random.maybe(0.1, () => ({ annotations: { note: `rule ${random.below(100)}; "$(quoted)" 'text'` } })),
    }),
    source: side(),
    destination: side(),
  }
  if (kind === 'http' && action === 'Allow' && context.direction === 'ingress')
    return { ...rule, http: { methods: ['GET'] } }
  if (kind !== 'services') return rule
  const where = context.direction === 'ingress' ? 'source' : 'destination'
  return { ...rule, [where]: { services: { name: 'shop', namespace: 'red' } } }
}

const portProtocol = (random: Random): ProtocolInput =>
  random.weighted<ProtocolInput>([6, 'TCP'], [4, 'UDP'], [2, 'SCTP'], [1, 6], [1, 17], [1, 132])
const icmpProtocol = (random: Random, version: 4 | 6): ProtocolInput =>
  version === 4 ? random.pick(['ICMP', 1] as const) : random.pick(['ICMPv6', 58] as const)
const otherProtocol = (random: Random, version: 4 | 6): ProtocolInput =>
  random.pick<ProtocolInput>(['UDPLite', 'TCP', 'UDP', 'SCTP', icmpProtocol(random, version), ...OTHER_PROTOCOLS])

function icmp(random: Random, version: 4 | 6): NonNullable<RuleInput['icmp']> {
  const type = random.pick<number>(ICMP_TYPES[version])
  return random.chance(0.5) ? { type } : { type, code: random.below(3) }
}

interface SideContext {
  readonly density: number
  readonly version: 4 | 6
  readonly withPorts: boolean
}

function randomSide(random: Random, { density, version, withPorts }: SideContext): SideInput {
  const some = <T>(probability: number, make: () => T): T | undefined => random.maybe(probability * density, make)
  const nets = (list: readonly string[]): string[] => random.some(random.weighted([3, 1], [3, 2], [2, 4]), list)
  return given({
    nets: some(0.7, () => nets(NETS[version])),
    notNets: some(0.4, () => nets(NETS[version].filter((net) => !net.endsWith('/0')))),
    selector: some(0.9, () => selector(random)),
    notSelector: some(0.5, () => selector(random)),
    namespaceSelector: some(0.4, () =>
      random.weighted([3, selector(random, 1)], [1, 'all()'], [1, 'global()'], [1, 'has(team)']),
    ),
    serviceAccounts: some(0.3, () =>
      random.pick([
        { names: random.some(2, ACCOUNTS) },
        { selector: selector(random, 1) },
        { names: [random.pick(ACCOUNTS)], selector: selector(random, 0) },
      ]),
    ),
    ports: withPorts ? random.maybe(0.35 + density / 3, () => ports(random, density)) : undefined,
    notPorts: withPorts ? some(0.5, () => ports(random, density)) : undefined,
  })
}

function ports(random: Random, density: number): (number | string)[] {
  const many = random.chance(density / 2)
  const some = random.list(many ? 18 : 1 + random.below(3), (at) =>
    random.weighted<number | string>(
      [4, random.pick(PORTS)],
      [3, random.pick(RANGES)],
      [many ? 0 : 3, random.pick(PORT_NAMES)],
      [many ? 9 : 0, `${3000 + at * 7}:${3003 + at * 7}`],
    ),
  )
  return [...new Set(some)]
}

/** All rules of a policy or profile. */
export function rulesOf(item: Resource): readonly RuleSpec[] {
  switch (item.kind) {
    case 'Profile':
    case 'NetworkPolicy':
    case 'GlobalNetworkPolicy':
    case 'StagedNetworkPolicy':
    case 'StagedGlobalNetworkPolicy':
      return [...(item.spec.ingress ?? []), ...(item.spec.egress ?? [])]
    default:
      return []
  }
}
