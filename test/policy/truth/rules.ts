/**
 * Truth tables of single rules (felix.md 2.9, datamodel.md 5): each rule allows what it matches to come in to d; nothing else
 * may. a and b are workloads of two namespaces, outside is in a network set.
 */
import { makeResource, type Resource, type SpecInput } from '@calico-node/model'
import { endpointOf } from '../kernel/scene.ts'
import type { Probe, Spot, Table } from './table.ts'

type RuleInput = Omit<NonNullable<SpecInput<'NetworkPolicy'>['ingress']>[number], 'action'>
type Sent = readonly [from: Spot, probe?: Probe]
/** With a namespace it is a rule of a policy of that namespace. */
type RuleRow = readonly [
  why: string,
  rule: RuleInput,
  matching: readonly Sent[],
  others: readonly Sent[],
  namespace?: 'shop' | 'bank',
]

const UDP: Probe = { protocol: 'udp' }
const SCTP: Probe = { protocol: 'sctp' }
const ICMP: Probe = { protocol: 'icmp' }
const V6: Probe = { version: 6 }
const V6_UDP: Probe = { ...V6, ...UDP }
const V6_ICMP: Probe = { ...V6, ...ICMP }
const A: Sent = ['a']
const B: Sent = ['b']
const OUT: Sent = ['outside']
/** Of no endpoint and no network set. */
const UNKNOWN: Sent = ['outside', { source: '198.51.100.1' }]
const port = (number: number, rest: Probe = {}): Probe => ({ ...rest, port: number })
const range = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${first + at * 10}:${first + at * 10 + 3}`)

const PROTOCOLS: readonly RuleRow[] = [
  [
    'an empty rule matches everything',
    {},
    [A, B, OUT, ['a', UDP], ['a', V6_ICMP], ['a', { protocol: 99 }], ['outside', V6]],
    [],
  ],
  [
    'protocol',
    { protocol: 'UDP' },
    [
      ['a', UDP],
      ['outside', V6_UDP],
    ],
    [A, ['a', ICMP], ['a', SCTP]],
  ],
  ['protocol by number', { protocol: 132 }, [['a', SCTP]], [A, ['a', UDP], ['a', { protocol: 99 }]]],
  ['UDPLite is not UDP', { protocol: 'UDPLite' }, [['a', { protocol: 136 }]], [['a', UDP]]],
  ['ICMP is not ICMPv6', { protocol: 'ICMP' }, [['a', ICMP]], [A, ['a', V6_ICMP]]],
  [
    'notProtocol',
    { notProtocol: 'TCP' },
    [
      ['a', UDP],
      ['a', V6_ICMP],
      ['a', { protocol: 99 }],
    ],
    [A, ['a', V6]],
  ],
  [
    'protocol and notProtocol together',
    { protocol: 'TCP', notProtocol: 'UDP' },
    [A],
    [
      ['a', UDP],
      ['a', ICMP],
    ],
  ],
  ['ipVersion 4', { ipVersion: 4 }, [A, ['outside', UDP]], [['a', V6]]],
  [
    'ipVersion 6',
    { ipVersion: 6 },
    [
      ['a', V6],
      ['outside', V6_UDP],
    ],
    [A],
  ],
  [
    'ICMP type',
    { protocol: 'ICMP', icmp: { type: 8 } },
    [
      ['a', ICMP],
      ['a', { ...ICMP, icmp: { type: 8, code: 5 } }],
    ],
    [['a', { ...ICMP, icmp: { type: 13, code: 0 } }], A, ['a', V6_ICMP]],
  ],
  [
    'ICMP type and code',
    { protocol: 'ICMP', icmp: { type: 8, code: 5 } },
    [['a', { ...ICMP, icmp: { type: 8, code: 5 } }]],
    [['a', ICMP]],
  ],
  [
    'notICMP',
    { protocol: 'ICMP', notICMP: { type: 8, code: 5 } },
    [
      ['a', ICMP],
      ['a', { ...ICMP, icmp: { type: 13, code: 5 } }],
    ],
    [['a', { ...ICMP, icmp: { type: 8, code: 5 } }], A, ['a', V6_ICMP]],
  ],
  [
    'ICMPv6 type',
    { protocol: 'ICMPv6', icmp: { type: 128 } },
    [['a', V6_ICMP]],
    [
      ['a', ICMP],
      ['a', V6],
    ],
  ],
  [
    'notICMP of ICMPv6',
    { protocol: 58, notICMP: { type: 128 } },
    [['a', { ...V6_ICMP, icmp: { type: 139, code: 0 } }]],
    [
      ['a', V6_ICMP],
      ['a', ICMP],
    ],
  ],
]

const PORTS: readonly RuleRow[] = [
  [
    'destination ports',
    { protocol: 'TCP', destination: { ports: [80, '90:99'] } },
    [A, ['a', port(90)], ['a', port(99, V6)]],
    [
      ['a', port(81)],
      ['a', port(89)],
      ['a', port(100)],
      ['a', UDP],
    ],
  ],
  [
    'destination notPorts',
    { protocol: 'UDP', destination: { notPorts: [80, '90:99'] } },
    [
      ['a', port(81, UDP)],
      ['a', port(100, V6_UDP)],
    ],
    [
      ['a', UDP],
      ['a', port(95, UDP)],
      ['a', port(81)],
    ],
  ],
  [
    'source ports',
    { protocol: 'TCP', source: { ports: ['40000:40001'] } },
    [A],
    [
      ['a', { sourcePort: 39_999 }],
      ['a', { sourcePort: 40_002 }],
    ],
  ],
  [
    'source notPorts',
    { protocol: 'SCTP', source: { notPorts: [40_000] } },
    [['a', { ...SCTP, sourcePort: 40_001 }]],
    [['a', SCTP]],
  ],
  [
    'source and destination ports',
    { protocol: 'TCP', source: { ports: [1000] }, destination: { ports: [80] } },
    [['a', { sourcePort: 1000 }]],
    [A, ['a', { sourcePort: 1000, port: 81 }]],
  ],
  [
    'more ports than one match holds',
    { protocol: 'TCP', destination: { ports: range(1000, 20) } },
    [
      ['a', port(1000)],
      ['a', port(1073)],
      ['a', port(1193)],
      ['a', port(1100, V6)],
    ],
    [
      ['a', port(1004)],
      ['a', port(1194)],
      ['a', port(1099)],
      ['a', port(1000, UDP)],
    ],
  ],
  [
    'more notPorts than one match holds',
    { protocol: 'TCP', destination: { notPorts: range(1000, 20) } },
    [
      ['a', port(1004)],
      ['a', port(1194)],
    ],
    [
      ['a', port(1000)],
      ['a', port(1073)],
      ['a', port(1193)],
    ],
  ],
  [
    'named ports',
    { protocol: 'TCP', destination: { ports: ['web'] } },
    [
      ['a', port(8080)],
      ['a', port(8080, V6)],
    ],
    [A, ['a', port(8080, UDP)]],
  ],
  [
    'named ports of UDP',
    { protocol: 'UDP', destination: { ports: ['dns'] } },
    [['a', port(53, UDP)]],
    [
      ['a', UDP],
      ['a', port(53)],
    ],
  ],
  [
    'named ports of SCTP',
    { protocol: 'SCTP', destination: { ports: ['sig'] } },
    [['a', port(99, SCTP)]],
    [['a', SCTP]],
  ],
  [
    'a name means the port of the addressed endpoint',
    { protocol: 'TCP', source: { ports: ['web'] } },
    [['a', { sourcePort: 8081 }]],
    [
      ['a', { sourcePort: 8080 }],
      ['outside', { sourcePort: 8081 }],
    ],
  ],
  [
    'named and numbered ports',
    { protocol: 'TCP', destination: { ports: ['web', 80] } },
    [A, ['a', port(8080)]],
    [['a', port(81)]],
  ],
  [
    'named ports that are excluded',
    { protocol: 'TCP', destination: { notPorts: ['web', 81] } },
    [A],
    [
      ['a', port(8080)],
      ['a', port(81)],
    ],
  ],
  [
    'named ports of those selected only',
    { protocol: 'TCP', source: { selector: "app == 'client'", ports: ['web'] } },
    [['a', { sourcePort: 8081 }]],
    [['b', { sourcePort: 8082 }], A],
  ],
  ['a name that nobody has', { protocol: 'TCP', destination: { ports: ['none'] } }, [], [A, ['a', port(8080)]]],
]

const NETS: readonly RuleRow[] = [
  ['one net', { source: { nets: ['10.65.0.0/31'] } }, [A], [B, OUT, ['a', V6]]],
  ['several nets', { source: { nets: ['10.65.0.1/32', '203.0.113.0/24'] } }, [A, OUT], [B, ['a', V6]]],
  [
    'several nets of IPv6',
    { source: { nets: ['fd00:65::1/128', '2001:db8::/32'] } },
    [
      ['a', V6],
      ['outside', V6_UDP],
    ],
    [['b', V6], A],
  ],
  ['everything', { source: { nets: ['0.0.0.0/0'] } }, [A, OUT], [['a', V6]]],
  ['one notNet', { source: { notNets: ['10.65.0.1/32'] } }, [B, OUT], [A, ['b', V6]]],
  ['several notNets', { source: { notNets: ['10.65.0.1/32', '203.0.113.0/24'] } }, [B], [A, OUT, ['b', V6]]],
  ['net and notNet', { source: { nets: ['10.65.0.0/16'], notNets: ['10.65.0.2/32'] } }, [A], [B, OUT]],
  [
    'nets and notNets',
    { source: { nets: ['10.65.0.0/16', '203.0.113.0/24'], notNets: ['10.65.0.2/32', '203.0.113.0/28'] } },
    [A],
    [B, OUT],
  ],
  ['destination net', { destination: { nets: ['10.65.0.4/32'] } }, [A], [['a', V6]]],
  ['destination notNets', { destination: { notNets: ['10.65.0.1/32', '10.65.0.4/32'] } }, [], [A, OUT]],
]

const SELECTORS: readonly RuleRow[] = [
  ['selector', { source: { selector: "app == 'client'" } }, [A, ['a', V6]], [B, OUT]],
  [
    'a negative selector finds only what Calico knows',
    { source: { selector: "app != 'client'" } },
    [B, OUT],
    [A, UNKNOWN],
  ],
  [
    'notSelector spares only what Calico knows',
    { source: { notSelector: "app == 'client'" } },
    [B, OUT, ['outside', V6], UNKNOWN],
    [A],
  ],
  [
    'selector and notSelector',
    { source: { selector: 'has(app)', notSelector: "app == 'client'" } },
    [B],
    [A, OUT, UNKNOWN],
  ],
  ['all() means everything that is known', { source: { selector: 'all()' } }, [A, B, OUT], [UNKNOWN]],
  ['network sets by label', { source: { selector: "set == 'partner'" } }, [OUT, ['outside', V6_UDP]], [A, B]],
  ['labels of the namespace', { source: { namespaceSelector: "team == 'red'" } }, [A], [B, OUT]],
  ['namespaceSelector all()', { source: { namespaceSelector: 'all()' } }, [A, B], [OUT]],
  ['namespaceSelector global()', { source: { namespaceSelector: 'global()' } }, [OUT], [A, B]],
  ['service account by name', { source: { serviceAccounts: { names: ['buyer', 'seller'] } } }, [A], [B, OUT]],
  ['service account by label', { source: { serviceAccounts: { selector: "rank == 'high'" } } }, [A], [B, OUT]],
  [
    'service account of one name and another label',
    { source: { serviceAccounts: { names: ['buyer'], selector: "rank == 'low'" } } },
    [],
    [A, B],
  ],
  [
    'of a namespaced policy, selectors stay in the namespace',
    { source: { selector: 'has(app)' } },
    [A],
    [B, OUT],
    'shop',
  ],
  ['of a namespaced policy, notSelector as well', { source: { notSelector: "app == 'none'" } }, [A], [B, OUT], 'shop'],
  ['of a namespaced policy, nets do not', { source: { nets: ['10.65.0.2/32'] } }, [B], [A], 'shop'],
  [
    'of a namespaced policy, another namespace is named',
    { source: { namespaceSelector: "team == 'blue'", selector: 'has(app)' } },
    [B],
    [A],
    'shop',
  ],
  [
    'of a namespaced policy, service accounts stay, too',
    { source: { serviceAccounts: { names: ['buyer', 'teller'] } } },
    [A],
    [B],
    'shop',
  ],
  ['destination selector', { destination: { selector: "app == 'server'" } }, [A, OUT], []],
  ['destination notSelector', { destination: { notSelector: "app == 'server'" } }, [], [A, OUT]],
]

/** More than one list of alternatives in a rule; upstream forgets the third (felix.md 2.9). */
const BLOCKS: readonly RuleRow[] = (() => {
  const nets = { nets: ['10.65.0.1/32', '10.65.0.77/32'] }
  const toNets = { nets: ['10.65.0.4/32', '10.65.0.78/32'] }
  const many = [80, ...range(1000, 20)]
  const source = ['40000:40001', ...range(2000, 20)]
  const rule = { protocol: 'TCP' as const, source: nets, destination: { ...toNets, ports: many } }
  return [
    ['two lists of nets', { source: nets, destination: toNets }, [A], [B, OUT]],
    [
      'two lists of nets, the second without a hit',
      { source: nets, destination: { nets: ['10.65.0.5/32', '10.65.0.6/32'] } },
      [],
      [A, B],
    ],
    [
      'three lists: each must have a hit',
      rule,
      [A, ['a', port(1101)]],
      [B, ['a', port(81)], ['b', port(1101)], ['outside', port(80)]],
    ],
    [
      'three lists: hits in the first two do not carry the third',
      { ...rule, destination: { nets: ['10.65.0.5/32', '10.65.0.6/32'], ports: many } },
      [],
      [A, B, ['a', port(1101)]],
    ],
    [
      'four lists',
      { ...rule, source: { ...nets, ports: source } },
      [A, ['a', { sourcePort: 2001, port: 1101 }]],
      [['a', { sourcePort: 3000 }], ['a', port(81)], B, ['a', { sourcePort: 2001, port: 1104 }]],
    ],
    [
      'four lists and two of exclusions',
      {
        ...rule,
        source: { ...nets, ports: source, notNets: ['10.65.0.9/32', '10.65.0.8/32'] },
        destination: { ...rule.destination, notNets: ['10.65.0.4/32', '10.65.0.3/32'] },
      },
      [],
      [A, B],
    ],
    [
      'three lists of IPv6',
      {
        protocol: 'TCP',
        source: { nets: ['fd00:65::1/128', 'fd00:65::7/128'], ports: source },
        destination: { nets: ['fd00:65::4/128', 'fd00:65::8/128'], ports: many },
      },
      [['a', V6]],
      [['b', V6], ['a', port(81, V6)], ['a', { ...V6, sourcePort: 3000 }], A],
    ],
  ]
})()

const profile = (name: string, labelsToApply: Record<string, string>): Resource =>
  makeResource('Profile', { name }, { labelsToApply, egress: [{ action: 'Allow' }] })
const WORLD: readonly Resource[] = [
  makeResource('Tier', { name: 'default' }, { order: 1_000_000 }),
  profile('kns.shop', { 'pcns.team': 'red' }),
  profile('kns.bank', { 'pcns.team': 'blue' }),
  profile('ksa.shop.buyer', { 'pcsa.rank': 'high' }),
  profile('ksa.bank.teller', { 'pcsa.rank': 'low' }),
  endpointOf(
    'a',
    { namespace: 'shop', labels: { app: 'client' } },
    {
      profiles: ['kns.shop', 'ksa.shop.buyer'],
      serviceAccountName: 'buyer',
      ports: [{ name: 'web', protocol: 'TCP', port: 8081 }],
    },
  ),
  endpointOf(
    'b',
    { namespace: 'bank', labels: { app: 'other' } },
    {
      profiles: ['kns.bank', 'ksa.bank.teller'],
      serviceAccountName: 'teller',
      ports: [{ name: 'web', protocol: 'TCP', port: 8082 }],
    },
  ),
  endpointOf(
    'd',
    { namespace: 'shop', labels: { app: 'server' } },
    {
      profiles: ['kns.shop'],
      ports: [
        { name: 'web', protocol: 'TCP', port: 8080 },
        { name: 'dns', protocol: 'UDP', port: 53 },
        { name: 'sig', protocol: 'SCTP', port: 99 },
      ],
    },
  ),
  makeResource(
    'GlobalNetworkSet',
    { name: 'partners', labels: { set: 'partner' } },
    { nets: ['203.0.113.0/24', '2001:db8::/32'] },
  ),
]

const tableOf = ([title, rule, matching, others, namespace]: RuleRow): Table => {
  const spec = {
    selector: "app == 'server'",
    types: ['Ingress' as const],
    ingress: [{ action: 'Allow' as const, ...rule }],
  }
  const policy =
    namespace === undefined
      ? makeResource('GlobalNetworkPolicy', { name: 'rule' }, spec)
      : makeResource('NetworkPolicy', { name: 'rule', namespace }, spec)
  const row =
    (result: 'allow' | 'deny') =>
    ([from, probe = {}]: Sent) =>
      [from, 'd', probe, result] as const
  return {
    title: `rule: ${title}`,
    resources: [...WORLD, policy],
    rows: [...matching.map(row('allow')), ...others.map(row('deny'))],
  }
}

export const RULES: readonly Table[] = [...PROTOCOLS, ...PORTS, ...NETS, ...SELECTORS, ...BLOCKS].map(tableOf)
