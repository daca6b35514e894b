import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { IpVersion, Match, Rule, Side } from '@calico-node/linux'
import { type Cidr, cidrContains, type Ip, ipVersion, isIpv4, parseCidr, parseIp } from '@calico-node/model'
import fc from 'fast-check'
import type { CalcRule, CalcSide, PortSpec } from '../calc/messages.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { allocateMarks } from './marks.ts'
import { matchPlan, portGroups } from './match-plan.ts'
import { ipSetName } from './names.ts'
import { policyRule } from './policy.ts'
import { ruleSettings } from './settings.ts'
import { NO_SIDE } from '../calc/rule-fixture.test.ts'

/** One packet, and which sets it is in. */
interface Packet {
  readonly source: Ip
  readonly destination: Ip
  readonly protocol: number
  readonly ports: Readonly<Record<Side, number>>
  readonly icmp: { readonly type: number; readonly code: number }
}
type Members = ReadonlyMap<string, ReadonlySet<string>>

const settings = ruleSettings(resolveFelixConfig([]).config)
const marks = allocateMarks(0xffff_0000)
const TCP = 6
const ICMP = [1, 58]
const within = ({ first, last }: PortSpec, port: number): boolean => first <= port && port <= last
const hasPorts = (packet: Packet): boolean => packet.protocol === TCP
const portMember = (packet: Packet, side: Side): string => `${packet[side]},tcp:${packet.ports[side]}`

/** What the kernel does with the rules of one policy rule. */
function kernelSays(rules: readonly Rule[], packet: Packet, members: Members): 'allow' | 'pass' | 'deny' | 'nothing' {
  let mark = 0xffff_ffff & ~(marks.accept | marks.pass) // whatever an earlier rule left in the work bits
  for (const { match, action } of rules) {
    if (!match.every((one) => kernelMatches(one, packet, { members, mark }) !== (one.negate ?? false))) continue
    if (action.kind === 'set-mark') mark = (mark & ~action.mask) | action.value
    else if (action.kind === 'drop') return 'deny'
    else if (action.kind === 'return') return (mark & marks.accept) !== 0 ? 'allow' : 'pass'
  }
  return 'nothing'
}

function kernelMatches(match: Match, packet: Packet, { members, mark }: { members: Members; mark: number }): boolean {
  switch (match.kind) {
    case 'protocol':
      return packet.protocol === match.protocol
    case 'net':
      return cidrContains(match.cidr, packet[match.side])
    case 'ports':
      return hasPorts(packet) && match.ports.some((range) => within(range, packet.ports[match.side]))
    case 'set':
      return (
        members.get(match.set)?.has(match.withPort === true ? portMember(packet, match.side) : packet[match.side]) ===
        true
      )
    case 'icmp':
      return (
        ICMP.includes(packet.protocol) &&
        packet.icmp.type === match.type &&
        (match.code ?? packet.icmp.code) === packet.icmp.code
      )
    case 'mark':
      return (mark & match.mask) >>> 0 === match.value
    default:
      throw new Error(`Not a match of a policy rule: ${match.kind}`)
  }
}

/** What the rule means, from the definition of its fields. */
function ruleMatches(rule: CalcRule, packet: Packet, members: Members): boolean {
  const { icmp, notIcmp } = rule
  const version = ipVersion(packet.source)
  const isIcmp = (want: { type: number; code?: number }): boolean =>
    packet.icmp.type === want.type && (want.code ?? packet.icmp.code) === packet.icmp.code
  return (
    (rule.ipVersion ?? version) === version &&
    (rule.protocol ?? packet.protocol) === packet.protocol &&
    rule.notProtocol !== packet.protocol &&
    (icmp === undefined || isIcmp(icmp)) &&
    (notIcmp === undefined || !isIcmp(notIcmp)) &&
    sideMatches(rule.source, 'source', packet, members) &&
    sideMatches(rule.destination, 'destination', packet, members)
  )
}

function sideMatches(side: CalcSide, name: Side, packet: Packet, members: Members): boolean {
  const version: IpVersion = isIpv4(packet.source) ? 4 : 6
  const inNet = (net: Cidr): boolean => cidrContains(net, packet[name])
  const inSet = (id: string): boolean => members.get(ipSetName(version, id))?.has(packet[name]) === true
  const inPortSet = (id: string): boolean => members.get(ipSetName(version, id))?.has(portMember(packet, name)) === true
  const inPorts = (range: PortSpec): boolean => hasPorts(packet) && within(range, packet.ports[name])
  return (
    (side.nets.length === 0 || side.nets.some(inNet)) &&
    !side.notNets.some(inNet) &&
    (side.notNets.length === 0 || side.notNets.some((net) => ipVersion(net) === version)) &&
    side.sets.every(inSet) &&
    !side.notSets.some(inSet) &&
    (side.ports.length + side.portSets.length === 0 || side.ports.some(inPorts) || side.portSets.some(inPortSet)) &&
    !side.notPorts.some(inPorts) &&
    !side.notPortSets.some(inPortSet)
  )
}

const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.5', 'fd00::1', 'fd00::2', 'fd00::5'].map(parseIp)
const NETS = ['10.0.0.1/32', '10.0.0.0/30', '10.0.0.4/30', 'fd00::/126', 'fd00::4/126', '0.0.0.0/0', '::/0'].map(
  parseCidr,
)
const subset = <T>(of: readonly T[], maxLength = of.length): fc.Arbitrary<T[]> => fc.subarray([...of], { maxLength })
const sometimes = <T>(value: fc.Arbitrary<T[]>): fc.Arbitrary<T[]> =>
  fc.oneof({ arbitrary: fc.constant<T[]>([]), weight: 1 }, { arbitrary: value, weight: 1 })
const ports = sometimes(
  fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 2 }))
      .map(([first, more]) => ({ first, last: first + more })),
    { maxLength: 24 },
  ),
)

const side = (withPorts: boolean): fc.Arbitrary<CalcSide> =>
  fc.record({
    nets: sometimes(subset(NETS)),
    notNets: sometimes(subset(NETS.slice(0, 5))),
    sets: sometimes(subset(['s:a', 's:b'])),
    notSets: sometimes(subset(['s:c'])),
    ports: withPorts ? ports : fc.constant([]),
    notPorts: withPorts ? ports : fc.constant([]),
    portSets: sometimes(subset(['n:a', 'n:b'])),
    notPortSets: sometimes(subset(['n:c'])),
  })
const icmp = fc.record({ type: fc.constantFrom(8, 128), code: fc.constantFrom(0, 1) }, { requiredKeys: ['type'] })
const action = fc.constantFrom('allow' as const, 'pass' as const, 'deny' as const)
const kinds = fc.oneof(
  { arbitrary: fc.record({ protocol: fc.constant(TCP), source: side(true), destination: side(true) }), weight: 4 },
  fc.record({ protocol: fc.constantFrom(...ICMP), source: side(false), destination: side(false), icmp }),
  fc.record({ protocol: fc.constantFrom(...ICMP), source: side(false), destination: side(false), notIcmp: icmp }),
  fc.record({ notProtocol: fc.constantFrom(TCP, 1), source: side(false), destination: side(false) }),
  fc.record({ source: side(false), destination: side(false) }),
)
const rule: fc.Arbitrary<CalcRule> = fc
  .tuple(kinds, action, fc.constantFrom(undefined, 4 as const, 6 as const))
  .map(([fields, verb, version]) => ({ ...fields, action: verb, comments: [], ...(version && { ipVersion: version }) }))
const packet: fc.Arbitrary<Packet> = fc.constantFrom<IpVersion>(4, 6).chain((version) => {
  const ip = fc.constantFrom(...ADDRESSES.filter((address) => ipVersion(address) === version))
  const port = fc.integer({ min: 1, max: 42 })
  return fc.record({
    source: ip,
    destination: ip,
    protocol: fc.constantFrom(TCP, TCP, version === 4 ? 1 : 58, 17),
    ports: fc.record({ source: port, destination: port }),
    icmp: fc.record({ type: fc.constantFrom(8, 128), code: fc.constantFrom(0, 1) }),
  })
})
const members: fc.Arbitrary<Members> = fc
  .record({ a: subset(ADDRESSES), b: subset(ADDRESSES), c: subset(ADDRESSES, 2), low: fc.integer({ min: 1, max: 40 }) })
  .map(({ a, b, c, low }) => {
    const withPorts = (ips: readonly Ip[]): string[] =>
      ips.flatMap((ip) => [low, low + 1, low + 2].map((port) => `${ip},tcp:${port}`))
    const sets = { 's:a': a, 's:b': b, 's:c': c, 'n:a': withPorts(a), 'n:b': withPorts(b), 'n:c': withPorts(c) }
    return new Map(
      ([4, 6] as const).flatMap((version) =>
        Object.entries(sets).map(([id, list]) => [ipSetName(version, id), new Set<string>(list)] as const),
      ),
    )
  })

describe('policyRule()', () => {
  test('means what its fields say, for every packet', () => {
    const seen = { matched: 0, missed: 0, blocks: 0 }
    fc.assert(
      fc.property(rule, fc.array(packet, { minLength: 8, maxLength: 8 }), members, (given, packets, sets) => {
        for (const each of packets) {
          const version = ipVersion(each.source)
          const rules = policyRule(given, { kind: 'policy', id: 'default/p' }, { version, settings })
          const expected = ruleMatches(given, each, sets) ? given.action : 'nothing'
          assert.equal(kernelSays(rules, each, sets), expected)
          seen[expected === 'nothing' ? 'missed' : 'matched']++
          if ((matchPlan(given, version)?.anyOf.length ?? 0) > 2) seen.blocks++
        }
      }),
      { numRuns: 6000 },
    )
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 30, `${what} only ${count} times`)
  })

  test('Pass in a profile ends the profile, whatever a tier before left in the pass bit', () => {
    const given: CalcRule = { action: 'pass', protocol: TCP, comments: [], source: NO_SIDE, destination: NO_SIDE }
    const rules = policyRule(given, { kind: 'profile', id: 'p' }, { version: 4, settings })
    assert.deepEqual(rules, [{ match: [{ kind: 'protocol', protocol: TCP }], action: { kind: 'return' } }])
  })

  test('exclusions make it a rule for their IP version only', () => {
    const given: CalcRule = {
      action: 'allow',
      comments: [],
      source: NO_SIDE,
      destination: { ...NO_SIDE, notNets: [parseCidr('10.0.0.1/32')] },
    }
    const rulesOf = (version: IpVersion): Rule[] =>
      policyRule(given, { kind: 'policy', id: 'default/p' }, { version, settings })
    assert.equal(rulesOf(4).length, 2)
    assert.deepEqual(rulesOf(6), [])
  })

  test('three lists of alternatives: passing the first two does not pass the third', () => {
    const many = (...cidrs: string[]): CalcSide => ({ ...NO_SIDE, nets: cidrs.map(parseCidr) })
    const odd = Array.from({ length: 16 }, (_, i) => ({ first: 2 * i + 1, last: 2 * i + 1 }))
    const given: CalcRule = {
      action: 'allow',
      protocol: TCP,
      comments: [],
      source: many('10.0.0.1/32', '10.0.0.2/32'),
      destination: { ...many('10.0.0.5/32', '10.0.0.6/32'), ports: odd },
    }
    const rules = policyRule(given, { kind: 'policy', id: 'default/p' }, { version: 4, settings })
    const sent = (source: string, port: number): string =>
      kernelSays(
        rules,
        {
          source: parseIp(source),
          destination: parseIp('10.0.0.5'),
          protocol: TCP,
          ports: { source: 1, destination: port },
          icmp: { type: 0, code: 0 },
        },
        new Map(),
      )
    assert.equal(sent('10.0.0.1', 3), 'allow')
    assert.equal(sent('10.0.0.1', 4), 'nothing')
    assert.equal(sent('10.0.0.9', 3), 'nothing')
  })
})

test('portGroups() fills 15 slots, of which a range takes two', () => {
  const single = (port: number): PortSpec => ({ first: port, last: port })
  const singles = Array.from({ length: 16 }, (_, i) => single(i))
  assert.deepEqual(
    portGroups(singles).map((group) => group.length),
    [15, 1],
  )
  assert.deepEqual(
    portGroups([...singles.slice(0, 14), { first: 20, last: 30 }]).map((group) => group.length),
    [14, 1],
  )
  assert.deepEqual(portGroups([]), [])
})
