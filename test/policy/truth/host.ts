/** Truth tables of host endpoints (felix.md 2.4 to 2.8). */
import { makeResource, type Resource, type SpecInput } from '@calico-node/model'
import { endpointOf, NODE } from '../kernel/scene.ts'
import { HOST_IPS, UPLINK } from '../kernel/wires.ts'
import type { Probe, Row, Table } from './table.ts'

type PolicySpec = SpecInput<'GlobalNetworkPolicy'>
const ALLOW = [{ action: 'Allow' as const }]
const DENY = [{ action: 'Deny' as const }]
const UDP: Probe = { protocol: 'udp' }
const V6: Probe = { version: 6 }

const open = makeResource('Profile', { name: 'open' }, { ingress: ALLOW, egress: ALLOW })
const workload = (name: 'a' | 'b', profiles: string[] = ['open']): Resource =>
  endpointOf(name, { labels: { name } }, { profiles })
const base = [makeResource('Tier', { name: 'default' }, { order: 1_000_000 }), open, workload('a'), workload('b')]

const endpoint = (name: string, spec: Partial<SpecInput<'HostEndpoint'>>): Resource =>
  makeResource('HostEndpoint', { name, labels: { host: name } }, { node: NODE, ...spec })
const named = (profiles: string[] = []): Resource => endpoint('named', { interfaceName: UPLINK, profiles })
const everywhere = (profiles: string[] = []): Resource => endpoint('everywhere', { interfaceName: '*', profiles })
/** For every host endpoint. */
const policy = (name: string, spec: PolicySpec): Resource =>
  makeResource('GlobalNetworkPolicy', { name }, { selector: 'has(host)', ...spec })
const forward = (name: string, spec: PolicySpec): Resource => policy(name, { applyOnForward: true, ...spec })
const untracked = (name: string, spec: PolicySpec): Resource => forward(name, { doNotTrack: true, ...spec })
const beforeDnat = (name: string, spec: PolicySpec): Resource => forward(name, { preDNAT: true, ...spec })
const only = (port: number) => ({ protocol: 'TCP' as const, destination: { ports: [port] } })

const FORWARDED: readonly Row[] = [
  ['outside', 'a', {}, 'allow', 'forwarded'],
  ['a', 'outside', V6, 'allow', 'forwarded'],
  ['a', 'b', {}, 'allow', 'between workloads'],
  ['host', 'a', UDP, 'allow', 'to its own workload'],
]
const OWN_DENIED: readonly Row[] = [
  ['outside', 'host', {}, 'deny'],
  ['outside', 'host', { version: 6, protocol: 'icmp' }, 'deny'],
  ['host', 'outside', {}, 'deny'],
  ['host', 'outside', { version: 6, protocol: 'udp' }, 'deny'],
]
const OWN_ALLOWED: readonly Row[] = OWN_DENIED.map(([from, to, probe]) => [from, to, probe, 'allow'])
const FAILSAFES: readonly Row[] = [
  ['outside', 'host', { port: 22 }, 'allow', 'failsafe'],
  ['outside', 'host', { protocol: 'udp', port: 68, version: 6 }, 'allow', 'failsafe'],
  ['outside', 'host', { protocol: 'udp', port: 22 }, 'deny', 'failsafe of another protocol'],
  ['outside', 'host', { protocol: 'udp', port: 53 }, 'deny', 'failsafe of the other direction'],
  ['host', 'outside', { protocol: 'udp', port: 53 }, 'allow', 'failsafe'],
  ['host', 'outside', { port: 22 }, 'deny', 'failsafe of the other direction'],
]

const ENDPOINTS: readonly Table[] = [
  { title: 'no host endpoint: the host is open', resources: base, rows: [...OWN_ALLOWED, ...FORWARDED] },
  {
    title: 'a named host endpoint closes the host, failsafe ports excepted, and leaves forwarding alone',
    resources: [...base, named()],
    rows: [...OWN_DENIED, ...FAILSAFES, ...FORWARDED],
  },
  {
    title: 'the profiles of a host endpoint',
    resources: [...base, named(['open'])],
    rows: [...OWN_ALLOWED, ...FORWARDED],
  },
  {
    title: 'a host endpoint found by its address',
    resources: [...base, endpoint('found', { expectedIPs: [HOST_IPS[0]] })],
    rows: [...OWN_DENIED, ...FAILSAFES],
  },
  {
    title: 'a host endpoint of another address or another interface is none',
    rows: OWN_ALLOWED,
    resources: [
      ...base,
      endpoint('x', { expectedIPs: ['172.16.0.55'] }),
      endpoint('y', { interfaceName: 'eth9', expectedIPs: [HOST_IPS[0]] }),
    ],
  },
  {
    title: 'of several host endpoints for one interface, the first by name',
    rows: OWN_ALLOWED,
    resources: [
      ...base,
      endpoint('b', { interfaceName: UPLINK }),
      endpoint('a', { expectedIPs: [HOST_IPS[1]], profiles: ['open'] }),
    ],
  },
  {
    title: 'a host endpoint for all interfaces',
    resources: [...base, everywhere()],
    rows: [...OWN_DENIED, ...FAILSAFES, ...FORWARDED],
  },
  {
    title: 'one for an interface goes before one for all',
    resources: [...base, everywhere(), named(['open'])],
    rows: OWN_ALLOWED,
  },
  {
    title: 'a host endpoint of another node',
    rows: OWN_ALLOWED,
    resources: [...base, makeResource('HostEndpoint', { name: 'far' }, { node: 'n2', interfaceName: UPLINK })],
  },
]

const POLICIES: readonly Table[] = [
  {
    title: "policy of the host's own traffic, each direction by itself",
    resources: [...base, named(), policy('in', { types: ['Ingress'], ingress: [{ action: 'Allow', ...only(80) }] })],
    rows: [
      ['outside', 'host', {}, 'allow'],
      ['outside', 'host', { port: 81 }, 'deny'],
      ['outside', 'host', { port: 22 }, 'allow'],
      ['host', 'outside', {}, 'deny', 'no profile'],
      ...FORWARDED,
    ],
  },
  {
    title: 'policy goes before profiles',
    resources: [
      ...base,
      named(['open']),
      policy('out', { types: ['Egress'], egress: [{ action: 'Deny', ...only(80) }, ...ALLOW] }),
    ],
    rows: [
      ['host', 'outside', {}, 'deny'],
      ['host', 'outside', { port: 81 }, 'allow'],
      ['outside', 'host', {}, 'allow'],
    ],
  },
  {
    title: 'policy on what is forwarded comes with applyOnForward',
    resources: [...base, named(), forward('f', { types: ['Ingress'], ingress: [{ action: 'Allow', ...only(80) }] })],
    rows: [
      ['outside', 'a', {}, 'allow'],
      ['outside', 'a', { port: 81 }, 'deny'],
      ['outside', 'a', { port: 22 }, 'deny', 'no failsafes'],
      ['outside', 'host', {}, 'allow', 'the same policy'],
      ['outside', 'host', { port: 81 }, 'deny'],
      ['a', 'outside', { port: 81 }, 'allow', 'no policy in the other direction'],
      ['a', 'b', { port: 81 }, 'allow', 'another interface'],
    ],
  },
  {
    title: 'applyOnForward on the way out',
    resources: [...base, named(), forward('f', { types: ['Egress'], egress: [{ action: 'Allow', ...only(80) }] })],
    rows: [
      ['a', 'outside', {}, 'allow'],
      ['a', 'outside', { port: 81, version: 6 }, 'deny'],
      ['outside', 'a', { port: 81 }, 'allow'],
    ],
  },
  {
    title: 'applyOnForward allows nothing that the workload forbids',
    resources: [...base.slice(0, 2), workload('a', []), named(), forward('f', { ingress: ALLOW })],
    rows: [
      ['outside', 'a', {}, 'deny'],
      ['host', 'a', {}, 'allow'],
    ],
  },
  {
    title: "applyOnForward on all interfaces: workloads' as well",
    resources: [
      ...base,
      everywhere(),
      forward('f', { types: ['Ingress'], ingress: [{ action: 'Allow', ...only(80) }] }),
    ],
    rows: [
      ['a', 'b', {}, 'allow'],
      ['a', 'b', { port: 81 }, 'deny'],
      ['a', 'outside', { port: 81, version: 6 }, 'deny'],
      ['outside', 'a', { port: 81 }, 'deny'],
      ['host', 'a', { port: 81 }, 'allow'],
    ],
  },
  {
    title: 'applyOnForward on all interfaces, on the way out',
    resources: [...base, everywhere(), forward('f', { types: ['Egress'], egress: [{ action: 'Allow', ...only(80) }] })],
    rows: [
      ['a', 'b', {}, 'allow'],
      ['a', 'b', { port: 81 }, 'deny'],
      ['outside', 'a', { port: 81 }, 'deny'],
      ['a', 'outside', { port: 81 }, 'deny'],
      ['host', 'a', { port: 81 }, 'allow'],
    ],
  },
]

const EARLY: readonly Table[] = [
  {
    title: 'untracked policy: what it allows is not asked again, what it does not match is',
    resources: [
      ...base,
      named(),
      untracked('u', {
        types: ['Ingress', 'Egress'],
        ingress: [{ action: 'Allow', ...only(80) }],
        egress: [{ action: 'Allow', ...only(80) }],
      }),
    ],
    rows: [
      ['outside', 'host', {}, 'allow'],
      ['host', 'outside', V6, 'allow'],
      ['outside', 'host', { port: 81 }, 'deny'],
      ['host', 'outside', { port: 81 }, 'deny'],
      ['outside', 'a', {}, 'allow'],
      ['outside', 'a', { port: 81 }, 'allow'],
      ...FAILSAFES,
    ],
  },
  {
    title: 'untracked policy denies',
    resources: [
      ...base,
      named(['open']),
      untracked('u', {
        types: ['Ingress', 'Egress'],
        ingress: [{ action: 'Deny', ...only(80) }],
        egress: [{ action: 'Deny', ...only(81) }],
      }),
    ],
    rows: [
      ['outside', 'host', {}, 'deny'],
      ['outside', 'host', { port: 81 }, 'allow'],
      ['host', 'outside', { port: 81 }, 'deny'],
      ['host', 'outside', {}, 'allow'],
      ['outside', 'a', {}, 'deny', 'before it is known where it goes'],
      ['outside', 'a', { port: 81 }, 'allow'],
    ],
  },
  {
    title: 'untracked policy knows replies of failsafe traffic by their source port',
    resources: [
      ...base,
      named(['open']),
      untracked('u', { types: ['Ingress', 'Egress'], ingress: DENY, egress: DENY }),
    ],
    rows: [
      ['outside', 'host', { protocol: 'udp', sourcePort: 53 }, 'allow'],
      ['host', 'outside', { sourcePort: 22 }, 'allow'],
      ['outside', 'host', { sourcePort: 22 }, 'deny'],
      ['outside', 'host', { port: 22 }, 'allow'],
    ],
  },
  {
    title: 'untracked policy does not exist for all interfaces',
    resources: [
      ...base,
      everywhere(['open']),
      untracked('u', { types: ['Ingress', 'Egress'], ingress: DENY, egress: DENY }),
    ],
    rows: OWN_ALLOWED,
  },
  {
    title: 'policy before DNAT denies before it is known where the packet goes',
    resources: [...base, named(['open']), beforeDnat('d', { ingress: [{ action: 'Deny', ...only(80) }] })],
    rows: [
      ['outside', 'host', {}, 'deny'],
      ['outside', 'a', {}, 'deny'],
      ['outside', 'a', { port: 81 }, 'allow'],
      ['a', 'outside', {}, 'allow', 'only what comes in'],
      ['host', 'outside', {}, 'allow'],
      ['a', 'b', {}, 'allow'],
    ],
  },
  {
    title: 'policy before DNAT: what it allows is not asked again, what it does not match is',
    resources: [...base, named(), beforeDnat('d', { ingress: [{ action: 'Allow', ...only(80) }] })],
    rows: [
      ['outside', 'host', {}, 'allow'],
      ['outside', 'host', { port: 81 }, 'deny'],
      ['outside', 'host', { port: 22 }, 'allow', 'failsafe'],
    ],
  },
  {
    title: 'policy before DNAT on all interfaces takes from workloads, and gives them nothing',
    rows: [
      ['a', 'b', {}, 'deny'],
      ['a', 'outside', V6, 'deny'],
      ['a', 'b', { port: 81 }, 'allow'],
      ['b', 'a', { port: 81 }, 'deny', 'b may send nothing'],
      ['host', 'a', {}, 'allow'],
    ],
    resources: [
      ...base.slice(0, 3),
      endpointOf('b', { labels: { name: 'b' } }, { profiles: ['in'] }),
      makeResource('Profile', { name: 'in' }, { ingress: ALLOW }),
      everywhere(['open']),
      beforeDnat('d', { ingress: [{ action: 'Deny', ...only(80) }, ...ALLOW] }),
    ],
  },
  {
    title: 'an allow before forwarding skips forward policy on the way in, not on the way out',
    resources: [
      ...base,
      named(['open']),
      beforeDnat('d', { order: 1, ingress: [{ action: 'Allow', ...only(80) }] }),
      forward('f', { order: 2, types: ['Ingress'], ingress: DENY }),
    ],
    rows: [
      ['outside', 'a', {}, 'allow'],
      ['outside', 'a', { port: 81 }, 'deny'],
      ['outside', 'host', { port: 81 }, 'deny'],
      ['outside', 'host', {}, 'allow'],
    ],
  },
]

const toHost = (endpointToHostAction: 'Return' | 'Accept'): Table => ({
  title: `a workload's packets to its host are not the business of host endpoints: ${endpointToHostAction}`,
  endpointToHostAction,
  resources: [...base, named(), everywhere()],
  rows: [
    ['a', 'host', {}, 'allow'],
    ['outside', 'host', {}, 'deny'],
  ],
})

export const HOST_ENDPOINTS: readonly Table[] = [
  ...ENDPOINTS,
  ...POLICIES,
  ...EARLY,
  toHost('Return'),
  toHost('Accept'),
]
