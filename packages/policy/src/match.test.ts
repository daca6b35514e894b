import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeResource, parseIp, type RuleSpec, type SpecInput } from '@calico-node/model'
import { mismatch } from './match.ts'
import type { Packet } from './packet.ts'
import { World } from './world.ts'

const wep = (
  name: string,
  ip: string,
  labels: Record<string, string>,
  namespace = 'shop',
  extra: Partial<SpecInput<'WorkloadEndpoint'>> = {},
) =>
  makeResource(
    'WorkloadEndpoint',
    { namespace, labels: { ...labels, 'projectcalico.org/namespace': namespace } },
    {
      orchestrator: 'test',
      workload: name,
      node: 'n1',
      endpoint: 'eth0',
      interfaceName: `cali${name}`,
      ipNetworks: ip.includes(':') ? [`${ip}/128`] : [`${ip}/32`],
      profiles: [`kns.${namespace}`],
      ...extra,
    },
  )

const world = new World([
  makeResource('Profile', { name: 'kns.shop' }, { labelsToApply: { 'pcns.team': 'red', color: 'from-profile' } }),
  makeResource('Profile', { name: 'kns.bank' }, { labelsToApply: { 'pcns.team': 'blue' } }),
  wep('client', '10.0.0.1', { role: 'client', color: 'own' }, 'shop', { serviceAccountName: 'buyer' }),
  wep('server', '10.0.0.2', { role: 'server' }, 'shop', { ports: [{ name: 'web', protocol: 'TCP', port: 8080 }] }),
  wep('other', '10.0.0.3', { role: 'client' }, 'bank', { ports: [{ name: 'web', protocol: 'TCP', port: 9090 }] }),
  wep('six', 'fd00::1', { role: 'client' }),
  makeResource('GlobalNetworkSet', { name: 'bad', labels: { set: 'bad' } }, { nets: ['203.0.113.0/24', 'fd99::/64'] }),
  makeResource(
    'NetworkSet',
    { name: 'partners', namespace: 'shop', labels: { set: 'partner' } },
    { nets: ['198.51.100.7'] },
  ),
])

const packet = (source: string, destination: string, rest: Partial<Packet> = {}): Packet => ({
  source: parseIp(source),
  destination: parseIp(destination),
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 80,
  ...rest,
})
const tcp = packet('10.0.0.1', '10.0.0.2')
const ping: Partial<Packet> = { protocol: 1, icmp: { type: 8, code: 0 } }

type RuleInput = NonNullable<SpecInput<'GlobalNetworkPolicy'>['ingress']>[number]
function ruleOf(input: Omit<RuleInput, 'action'>): RuleSpec {
  const { spec } = makeResource('GlobalNetworkPolicy', { name: 'p' }, { ingress: [{ action: 'Allow', ...input }] })
  const [rule] = spec.ingress ?? []
  assert.ok(rule !== undefined)
  return rule
}

const rows: [why: string, rule: Omit<RuleInput, 'action'>, packet: Packet, matches: boolean, namespace?: string][] = [
  ['an empty rule matches everything', {}, tcp, true],
  ['protocol by name', { protocol: 'TCP' }, tcp, true],
  ['protocol by number', { protocol: 17 }, tcp, false],
  ['notProtocol', { notProtocol: 'TCP' }, tcp, false],
  ['ipVersion of the other family', { ipVersion: 6 }, tcp, false],
  ['destination port in a range', { protocol: 'TCP', destination: { ports: [22, '79:81'] } }, tcp, true],
  ['destination port outside', { protocol: 'TCP', destination: { ports: [22, '81:90'] } }, tcp, false],
  ['source port', { protocol: 'TCP', source: { ports: [40_000] } }, tcp, true],
  ['notPorts', { protocol: 'TCP', destination: { notPorts: ['1:100'] } }, tcp, false],
  [
    'named port of the destination',
    { protocol: 'TCP', destination: { ports: ['web'] } },
    packet('10.0.0.1', '10.0.0.2', { destinationPort: 8080 }),
    true,
  ],
  [
    'named port has the number of that endpoint only',
    { protocol: 'TCP', destination: { ports: ['web'] } },
    packet('10.0.0.1', '10.0.0.2', { destinationPort: 9090 }),
    false,
  ],
  [
    'named port within a selector',
    { protocol: 'TCP', destination: { ports: ['web'], selector: "role == 'client'" } },
    packet('10.0.0.1', '10.0.0.2', { destinationPort: 8080 }),
    false,
  ],
  ['named or numbered', { protocol: 'TCP', destination: { ports: ['web', 80] } }, tcp, true],
  [
    'named port of another protocol',
    { protocol: 'UDP', destination: { ports: ['web'] } },
    packet('10.0.0.1', '10.0.0.2', { protocol: 17, destinationPort: 8080 }),
    false,
  ],
  ['source net', { source: { nets: ['10.0.0.0/30'] } }, tcp, true],
  ['one of several nets', { source: { nets: ['10.9.0.0/16', '10.0.0.1/32'] } }, tcp, true],
  ['notNets', { source: { notNets: ['10.0.0.1/32'] } }, tcp, false],
  ['nets of the other family only', { source: { nets: ['fd00::/8'] } }, tcp, false],
  ['notNets of the other family only: a rule for that family', { source: { notNets: ['fd00::/8'] } }, tcp, false],
  ['selector', { source: { selector: "role == 'client'" } }, tcp, true],
  [
    'selector spans namespaces in a global policy',
    { source: { selector: "role == 'client'" } },
    packet('10.0.0.3', '10.0.0.2'),
    true,
  ],
  [
    'selector stays in the namespace of a namespaced policy',
    { source: { selector: "role == 'client'" } },
    packet('10.0.0.3', '10.0.0.2'),
    false,
    'shop',
  ],
  [
    'a namespaced rule with nets alone is not scoped',
    { source: { nets: ['10.0.0.3/32'] } },
    packet('10.0.0.3', '10.0.0.2'),
    true,
    'shop',
  ],
  [
    'namespaceSelector',
    { source: { namespaceSelector: "team == 'blue'" } },
    packet('10.0.0.3', '10.0.0.2'),
    true,
    'shop',
  ],
  ['namespaceSelector all()', { source: { namespaceSelector: 'all()' } }, packet('10.0.0.3', '10.0.0.2'), true, 'shop'],
  [
    'namespaceSelector all() does not reach addresses unknown to Calico',
    { source: { namespaceSelector: 'all()' } },
    packet('192.0.2.1', '10.0.0.2'),
    false,
  ],
  [
    'namespaceSelector global() means none',
    { source: { namespaceSelector: 'global()', selector: "set == 'bad'" } },
    packet('203.0.113.9', '10.0.0.2'),
    true,
    'shop',
  ],
  [
    'global set is invisible to a namespaced selector',
    { source: { selector: "set == 'bad'" } },
    packet('203.0.113.9', '10.0.0.2'),
    false,
    'shop',
  ],
  [
    'network set of the namespace',
    { source: { selector: "set == 'partner'" } },
    packet('198.51.100.7', '10.0.0.2'),
    true,
    'shop',
  ],
  [
    'network set inherits labels of its namespace',
    { source: { namespaceSelector: "team == 'red'", selector: 'has(set)' } },
    packet('198.51.100.7', '10.0.0.2'),
    true,
  ],
  ['notSelector', { source: { notSelector: "role == 'client'" } }, tcp, false],
  [
    'notSelector alone matches unknown addresses',
    { source: { notSelector: "role == 'client'" } },
    packet('192.0.2.1', '10.0.0.2'),
    true,
  ],
  ['a negated selector does not', { source: { selector: '!has(role)' } }, packet('192.0.2.1', '10.0.0.2'), false],
  [
    'selector and notSelector of one endpoint',
    { source: { selector: 'has(role)', notSelector: "role == 'server'" } },
    tcp,
    true,
  ],
  ['own label wins over the inherited one', { source: { selector: "color == 'own'" } }, tcp, true],
  ['label inherited from the profile', { destination: { selector: "color == 'from-profile'" } }, tcp, true],
  ['service account by name', { source: { serviceAccounts: { names: ['buyer'] } } }, tcp, true],
  ['service account of another name', { source: { serviceAccounts: { names: ['seller'] } } }, tcp, false],
  ['services match nothing', { source: { services: { name: 's', namespace: 'n' } } }, tcp, false],
  ['HTTP matches nothing', { http: { methods: ['GET'] } }, tcp, false],
  ['ICMP type and code', { protocol: 'ICMP', icmp: { type: 8, code: 0 } }, packet('10.0.0.1', '10.0.0.2', ping), true],
  ['ICMP type alone', { protocol: 'ICMP', icmp: { type: 8 } }, packet('10.0.0.1', '10.0.0.2', ping), true],
  ['ICMP of another type', { protocol: 'ICMP', icmp: { type: 0 } }, packet('10.0.0.1', '10.0.0.2', ping), false],
  ['notICMP of that type', { protocol: 'ICMP', notICMP: { type: 8 } }, packet('10.0.0.1', '10.0.0.2', ping), false],
  ['notICMP of another type', { protocol: 'ICMP', notICMP: { type: 0 } }, packet('10.0.0.1', '10.0.0.2', ping), true],
  ['IPv6 set member', { destination: { selector: "set == 'bad'" } }, packet('fd00::1', 'fd99::5'), true],
  ['IPv6 selector', { source: { selector: "role == 'client'" } }, packet('fd00::1', 'fd00::2'), true],
]
for (const [why, rule, probe, matches, namespace] of rows) {
  test(why, () => {
    const reason = mismatch(world, ruleOf(rule), probe, namespace)
    assert.equal(reason === undefined, matches, reason ?? 'it matches')
  })
}
