import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr, parseInterfaceName, parseIp } from '@calico-node/model'
import type { CalcMessage, CalcRule, EndpointTier, WorkloadEndpoint } from '../calc/messages.ts'
import { FlowJudge } from './flow-judge.ts'
import { MemberSet } from './member-set.ts'
import { type Flow, ruleMatches } from './rule-match.ts'
import { calcRule, type RuleFields } from '../calc/rule-fixture.test.ts'

const tcp: Flow = {
  protocol: 6,
  source: { ip: parseIp('10.0.0.1'), port: 40000 },
  destination: { ip: parseIp('10.0.0.2'), port: 80 },
}
const ping: Flow = {
  protocol: 1,
  source: { ip: parseIp('10.0.0.1') },
  destination: { ip: parseIp('10.0.0.2') },
  icmp: { type: 8, code: 0 },
}
const port = (number: number): { first: number; last: number }[] => [{ first: number, last: number }]

describe('ruleMatches()', () => {
  const sets = new Map([
    ['s:a', new MemberSet(['10.0.0.0/30', '10.9.0.1'])],
    ['n:web', new MemberSet(['10.0.0.2,tcp:80'])],
  ])
  const rows: [why: string, matches: boolean, fields: RuleFields, flow?: Flow][] = [
    ['nothing wanted', true, {}],
    ['protocol', true, { protocol: 6 }],
    ['another protocol', false, { protocol: 17 }],
    ['not this protocol', false, { notProtocol: 6 }],
    ['the other IP version', false, { ipVersion: 6 }],
    ['a net that holds it', true, { from: { nets: [parseCidr('10.1.0.0/16'), parseCidr('10.0.0.0/24')] } }],
    ['nets of the other version', false, { from: { nets: [parseCidr('fd00::/8')] } }],
    ['excluded', false, { to: { notNets: [parseCidr('10.0.0.2/32')] } }],
    ['a port', true, { protocol: 6, to: { ports: port(80) } }],
    ['another port', false, { protocol: 6, to: { ports: port(81) } }],
    ['a port of what has none', false, { to: { ports: port(80) } }, ping],
    ['not this port', false, { protocol: 6, to: { notPorts: port(80) } }],
    [
      'a named port as the alternative to a number',
      true,
      { protocol: 6, to: { ports: port(81), portSets: ['n:web'] } },
    ],
    ['not a named port', false, { protocol: 6, to: { notPortSets: ['n:web'] } }],
    ['a set with a network that holds it', true, { from: { sets: ['s:a'] } }],
    ['a set that is not there', false, { from: { sets: ['s:b'] } }],
    ['not in a set', false, { to: { notSets: ['s:a'] } }],
    ['ICMP type', true, { icmp: { type: 8 } }, ping],
    ['ICMP type and code', false, { icmp: { type: 8, code: 1 } }, ping],
    ['not the ICMP type', false, { notIcmp: { type: 8 } }, ping],
    ['no ICMP at all', false, { notIcmp: { type: 8 } }, tcp],
  ]
  for (const [why, matches, fields, flow = tcp] of rows) {
    test(`${why}: ${matches}`, () => assert.equal(ruleMatches(calcRule('allow', fields), flow, sets), matches))
  }
})

test('MemberSet follows its changes', () => {
  const set = new MemberSet(['10.0.0.0/24', 'fd00::/64'])
  assert.deepEqual(
    ['10.0.0.9', 'fd00::9', '10.0.1.9'].map((ip) => set.hasAddress(parseIp(ip))),
    [true, true, false],
  )
  set.change(['10.0.1.9'], ['10.0.0.0/24'])
  assert.deepEqual(
    ['10.0.0.9', '10.0.1.9'].map((ip) => set.hasAddress(parseIp(ip))),
    [false, true],
  )
})

describe('FlowJudge', () => {
  const endpoint = (name: string, ip: string, tiers: readonly EndpointTier[], profiles = ['open']): CalcMessage => {
    const value: WorkloadEndpoint = {
      id: { orchestrator: 't', workload: name, endpoint: 'e' },
      interfaceName: parseInterfaceName(`cali${name}`),
      nets: [parseCidr(`${ip}/32`)],
      tiers,
      profiles,
    }
    return { kind: 'workload.update', endpoint: value }
  }
  const tier = (ingress: readonly string[], defaultAction: 'Deny' | 'Pass' = 'Deny'): EndpointTier => ({
    name: 'x',
    defaultAction,
    ingress,
    egress: [],
  })
  const policy = (...ingress: CalcRule[]): CalcMessage => ({
    kind: 'policy.update',
    id: 'x/p',
    rules: { ingress, egress: [] },
  })
  const open: CalcMessage = {
    kind: 'profile.update',
    id: 'open',
    rules: { ingress: [calcRule('allow')], egress: [calcRule('allow')] },
  }
  const refuses = (messages: readonly CalcMessage[], flow = tcp, host: string[] = []): boolean => {
    const judge = new FlowJudge()
    for (const message of [open, ...messages]) judge.onMessage(message)
    return judge.refuses(flow, new Set(host.map(parseIp)))
  }
  const a = endpoint('a', '10.0.0.1', [])

  const rows: [why: string, refused: boolean, messages: readonly CalcMessage[]][] = [
    ['neither end is here', false, []],
    ['both profiles allow', false, [a, endpoint('b', '10.0.0.2', [])]],
    ['the sender has no profile', true, [endpoint('a', '10.0.0.1', [], []), endpoint('b', '10.0.0.2', [])]],
    [
      'a policy denies at the receiver',
      true,
      [a, endpoint('b', '10.0.0.2', [tier(['x/p'])]), policy(calcRule('log'), calcRule('deny'))],
    ],
    [
      'a policy allows',
      false,
      [a, endpoint('b', '10.0.0.2', [tier(['x/p'])], []), policy(calcRule('allow', { protocol: 6 }))],
    ],
    ['the end of a tier denies', true, [a, endpoint('b', '10.0.0.2', [tier(['x/p'])]), policy()]],
    ['the end of a tier passes on', false, [a, endpoint('b', '10.0.0.2', [tier(['x/p'], 'Pass')]), policy()]],
    [
      'a policy passes on',
      false,
      [a, endpoint('b', '10.0.0.2', [tier(['x/p'])]), policy(calcRule('pass'), calcRule('deny'))],
    ],
    [
      'an endpoint that is gone',
      false,
      [
        endpoint('b', '10.0.0.2', [], []),
        { kind: 'workload.remove', id: { orchestrator: 't', workload: 'b', endpoint: 'e' } },
      ],
    ],
  ]
  for (const [why, refused, messages] of rows)
    test(`${why}: ${refused ? 'refused' : 'allowed'}`, () => assert.equal(refuses(messages), refused))

  test('what the host itself sends is allowed', () =>
    assert.equal(refuses([endpoint('b', '10.0.0.2', [], [])], tcp, ['10.0.0.1']), false))
})
