/** Truth tables of the order of evaluation: tiers, policies, profiles, defaults (felix.md 2.2 to 2.6, 2.8, 2.11). */
import { makeResource, type Resource, type SpecInput } from '@calico-node/model'
import { endpointOf } from '../kernel/scene.ts'
import { latest, type Row, type Table } from './table.ts'

type PolicySpec = SpecInput<'GlobalNetworkPolicy'>
const ALLOW = [{ action: 'Allow' as const }]
const DENY = [{ action: 'Deny' as const }]
const PASS = [{ action: 'Pass' as const }]

const profile = (
  name: string,
  ingress = ALLOW as PolicySpec['ingress'],
  egress = ALLOW as PolicySpec['egress'],
): Resource => makeResource('Profile', { name }, { ingress, egress })
const open = profile('open')
const tier = (name: string, order: number | undefined, defaultAction: 'Deny' | 'Pass' = 'Deny'): Resource =>
  makeResource('Tier', { name }, { ...(order === undefined ? {} : { order }), defaultAction })
const defaultTier = tier('default', 1_000_000)
/** Of the tier that its name begins with. */
const policy = (name: string, spec: PolicySpec): Resource => {
  const [first = '', ...rest] = name.split('.')
  return makeResource('GlobalNetworkPolicy', { name }, { ...spec, ...(rest.length === 0 ? {} : { tier: first }) })
}
const namespaced = (name: string, namespace: string, spec: SpecInput<'NetworkPolicy'>): Resource =>
  makeResource('NetworkPolicy', { name, namespace }, spec)

const workload = (name: 'a' | 'b' | 'c' | 'd', profiles: string[] = ['open'], namespace = 'default'): Resource =>
  endpointOf(name, { namespace, labels: { name } }, { profiles })
/** a and b are open to everybody; what comes after decides. */
const openPair = [defaultTier, open, workload('a'), workload('b')]
const toB = { selector: "name == 'b'", types: ['Ingress' as const] }

const aToB = (result: 'allow' | 'deny'): Row[] => [
  ['a', 'b', {}, result],
  ['a', 'b', { version: 6, protocol: 'udp' }, result],
]
const decides = (title: string, result: 'allow' | 'deny', ...resources: readonly Resource[]): Table => ({
  title,
  resources: latest(...openPair, ...resources),
  rows: aToB(result),
})

const ORDER: readonly Table[] = [
  decides(
    'policies: lower order first',
    'allow',
    policy('p', { ...toB, order: 2, ingress: DENY }),
    policy('q', { ...toB, order: 1, ingress: ALLOW }),
  ),
  decides(
    'policies: negative and fractional orders count',
    'allow',
    policy('p', { ...toB, order: -0.5, ingress: DENY }),
    policy('q', { ...toB, order: -1.5, ingress: ALLOW }),
  ),
  decides(
    'policies: without an order last',
    'allow',
    policy('p', { ...toB, ingress: DENY }),
    policy('q', { ...toB, order: 9e9, ingress: ALLOW }),
  ),
  decides(
    'policies: of equal order by name, in the order of bytes',
    'allow',
    policy('b', { ...toB, order: 1, ingress: DENY }),
    policy('a', { ...toB, order: 1, ingress: ALLOW }),
    policy('a-z', { ...toB, order: 1, ingress: DENY }),
  ),
  {
    title: 'policies: of equal order, the name of a namespaced one begins with its namespace',
    resources: [
      defaultTier,
      open,
      workload('a'),
      workload('b', ['open'], 'aaa'),
      policy('p', { ...toB, order: 1, ingress: DENY }),
      namespaced('z', 'aaa', { ...toB, order: 1, ingress: ALLOW }),
    ],
    rows: aToB('allow'),
  },
  decides(
    'policies: of equal order, "default.p" comes before "default/default.a"',
    'deny',
    policy('p', { ...toB, order: 1, ingress: DENY }),
    namespaced('a', 'default', { ...toB, order: 1, ingress: ALLOW }),
  ),
  decides(
    'tiers: lower order first',
    'allow',
    tier('x', 2),
    tier('y', 1),
    policy('x.p', { ...toB, ingress: DENY }),
    policy('y.p', { ...toB, ingress: ALLOW }),
  ),
  decides(
    'tiers: of equal order by name',
    'deny',
    tier('x', 1),
    tier('y', 1),
    policy('x.p', { ...toB, ingress: DENY }),
    policy('y.p', { ...toB, ingress: ALLOW }),
  ),
  decides(
    'tiers: one without an object comes last',
    'allow',
    policy('lost.p', { ...toB, ingress: DENY }),
    policy('p', { ...toB, order: 5, ingress: ALLOW }),
  ),
  decides(
    'tiers: one without an object denies at its end',
    'deny',
    policy('lost.p', toB),
    policy('p', { ...toB, ingress: PASS }),
  ),
  decides('rules: the first that matches decides', 'deny', policy('p', { ...toB, ingress: [...DENY, ...ALLOW] })),
  decides('profiles: in the order of the endpoint', 'deny', profile('shut', DENY), workload('b', ['shut', 'open'])),
  decides(
    'profiles: one that decides nothing leaves it to the next',
    'allow',
    profile('mute', [], []),
    workload('b', ['mute', 'open']),
  ),
]

const ACTIONS: readonly Table[] = [
  decides('Log goes on with the next rule', 'allow', policy('p', { ...toB, ingress: [{ action: 'Log' }, ...ALLOW] })),
  decides('Log alone decides nothing', 'deny', policy('p', { ...toB, ingress: [{ action: 'Log' }] })),
  decides('Pass in the last tier leads to the profiles', 'allow', policy('p', { ...toB, ingress: PASS })),
  decides(
    'Pass skips what is left of the tier, its end too',
    'allow',
    tier('x', 1),
    policy('x.p', { ...toB, order: 1, ingress: PASS }),
    policy('x.q', { ...toB, order: 2, ingress: DENY }),
  ),
  decides(
    'Pass leads to the next tier',
    'deny',
    tier('x', 1),
    policy('x.p', { ...toB, ingress: PASS }),
    policy('p', { ...toB, ingress: DENY }),
  ),
  decides('Pass in a profile decides nothing', 'deny', profile('pass', PASS, PASS), workload('b', ['pass'])),
  decides(
    'Pass of the last tier means nothing inside a profile',
    'allow',
    policy('p', { ...toB, ingress: PASS }),
    profile('two', [{ action: 'Pass', protocol: 'ICMP' }, ...ALLOW]),
    workload('b', ['two']),
  ),
  decides(
    'Pass of one profile means nothing inside the next',
    'allow',
    profile('one', PASS),
    profile('two', [{ action: 'Pass', protocol: 'ICMP' }, ...ALLOW]),
    workload('b', ['one', 'two']),
  ),
  decides('a tier that decides nothing denies', 'deny', tier('x', 1), policy('x.p', toB)),
  decides('a tier whose default is Pass does not', 'allow', tier('x', 1, 'Pass'), policy('x.p', toB)),
  decides(
    'a tier whose default is Pass still denies by rule',
    'deny',
    tier('x', 1, 'Pass'),
    policy('x.p', { ...toB, ingress: DENY }),
  ),
  decides(
    'a tier without policies for the endpoint is skipped',
    'allow',
    tier('x', 1),
    policy('x.p', { ...toB, selector: "name == 'c'" }),
  ),
  decides(
    'a tier without policies in the direction is skipped',
    'allow',
    tier('x', 1),
    policy('x.p', { ...toB, types: ['Egress'] }),
  ),
  decides(
    'staged policies are not enforced',
    'allow',
    tier('x', 1),
    makeResource('StagedGlobalNetworkPolicy', { name: 'x.p' }, { ...toB, tier: 'x', ingress: DENY }),
  ),
  decides(
    'an HTTP match never matches',
    'deny',
    policy('p', { ...toB, ingress: [{ action: 'Allow', http: { methods: ['GET'] } }] }),
  ),
]

const ENDS: readonly Table[] = [
  {
    title: 'both ends are asked',
    resources: [
      ...openPair,
      workload('c', []),
      policy('a-out', {
        selector: "name == 'a'",
        types: ['Egress'],
        egress: [{ action: 'Allow', destination: { notSelector: "name == 'b'" } }],
      }),
    ],
    rows: [
      ['a', 'b', {}, 'deny', 'the sender may not'],
      ['b', 'a', {}, 'allow', 'the other direction has its profile'],
      ['a', 'c', {}, 'deny', 'the receiver has no profile'],
      ['c', 'a', {}, 'deny', 'no profile, nothing out either'],
      ['a', 'outside', {}, 'allow'],
      ['outside', 'a', {}, 'allow'],
      ['outside', 'c', {}, 'deny'],
      ['host', 'c', {}, 'allow', 'a host may always reach its own workloads'],
      ['host', 'c', { version: 6, protocol: 'icmp' }, 'allow'],
      ['host', 'outside', {}, 'allow'],
      ['outside', 'host', {}, 'allow', "a host without an endpoint is nobody's business"],
    ],
  },
  {
    title: 'a profile that does not exist denies, whatever stands behind it',
    resources: latest(...openPair, workload('b', ['gone', 'open']), workload('c', ['open', 'gone'])),
    rows: [
      ['a', 'b', {}, 'deny'],
      ['b', 'a', {}, 'deny'],
      ['a', 'c', {}, 'allow', 'decided before'],
    ],
  },
  {
    title: 'an interface without an endpoint: nothing in, nothing out',
    resources: openPair,
    rows: [
      ['stranger', 'b', {}, 'deny'],
      ['stranger', 'outside', {}, 'deny'],
      ['stranger', 'host', {}, 'deny'],
      ['a', 'stranger', {}, 'deny'],
      ['outside', 'stranger', {}, 'deny'],
      ['outside', 'stranger', { version: 6 }, 'deny'],
    ],
  },
  {
    title: 'a workload sends from its own address only, and no tunnelled packets',
    resources: openPair,
    rows: [
      ['a', 'b', { source: '10.65.0.3' }, 'deny', "nobody's address"],
      ['a', 'outside', { source: '10.65.0.2' }, 'deny', 'the address of b'],
      ['a', 'outside', { source: '172.16.0.77' }, 'deny', 'an address outside'],
      ['a', 'outside', { version: 6, source: 'fd00:65::2' }, 'deny'],
      ['a', 'outside', { protocol: 4 }, 'deny', 'IP in IP'],
      ['a', 'outside', { protocol: 'udp', port: 4789 }, 'deny', 'VXLAN'],
      ['a', 'outside', { protocol: 'udp', port: 4789, version: 6 }, 'deny'],
      ['a', 'outside', { protocol: 'udp', port: 4790 }, 'allow'],
      ['a', 'outside', { protocol: 'tcp', port: 4789 }, 'allow'],
      ['outside', 'a', { protocol: 'udp', port: 4789 }, 'allow', 'only senders are held to it'],
      ['outside', 'a', { protocol: 4 }, 'allow'],
    ],
  },
]

/** a is allowed everything and b nothing by their own policies. */
const toHost = (endpointToHostAction: 'Drop' | 'Return' | 'Accept', allowed: 'allow' | 'deny'): Table => ({
  title: `workload to its own host: ${endpointToHostAction}`,
  endpointToHostAction,
  resources: latest(...openPair, workload('b', [])),
  rows: [
    ['a', 'host', {}, allowed],
    ['a', 'host', { version: 6, protocol: 'icmp' }, allowed],
    ['b', 'host', {}, 'deny'],
    ['b', 'host', { version: 6, protocol: 'udp' }, 'deny'],
    ['a', 'host', { source: '10.65.0.2' }, 'deny', 'with the address of b'],
    ['b', 'host', { version: 6, protocol: 'icmp', icmp: { type: 135, code: 0 } }, 'allow', 'neighbour discovery'],
    ['b', 'host', { version: 6, protocol: 'icmp', icmp: { type: 133, code: 0 } }, 'allow', 'router solicitation'],
    ['b', 'outside', {}, 'deny'],
    ['host', 'b', {}, 'allow'],
  ],
})

export const EVALUATION: readonly Table[] = [
  ...ORDER,
  ...ACTIONS,
  ...ENDS,
  toHost('Drop', 'deny'),
  toHost('Return', 'allow'),
  toHost('Accept', 'allow'),
]
