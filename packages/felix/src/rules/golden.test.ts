/** What the rules look like as iptables would be told, one table a test: for reviewers, and against accidental change. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { IpVersion } from '@calico-node/linux'
import { parseCidr, parseIp } from '@calico-node/model'
import type { CalcRule, CalcSide, EndpointTier } from '../calc/messages.ts'
import { workloadChain } from './endpoints.ts'
import { masquerade } from './nat.ts'
import { ownedChains } from './policy.ts'
import { byName, settingsOf, text } from './rule-text.test.ts'
import { staticTables } from './static.ts'
import { calcRule } from '../calc/rule-fixture.test.ts'

const settings = settingsOf()

describe('staticTables()', () => {
  const tableOf = (
    name: string,
    env = {},
    version: IpVersion = 4,
  ): { chains: Record<string, string[]>; hooks: Record<string, unknown> } => {
    const plan = staticTables(settingsOf(env), version).find(({ table }) => table === name) ?? assert.fail(name)
    const hooks = plan.hooks.map(
      ({ chain, insert, append }) => [chain, { insert: text(insert), append: text(append) }] as const,
    )
    const chains = plan.chains.filter((chain) => !chain.name.startsWith('cali-failsafe'))
    return { chains: byName(chains, version), hooks: Object.fromEntries(hooks) }
  }

  test('raw: a workload sends from its own addresses only', () => {
    assert.deepEqual(tableOf('raw'), {
      chains: {
        'cali-PREROUTING': [
          '-j MARK --clear all',
          '-j cali-tunnel-raw',
          '-i cali+ -j MARK --set-xmark s0',
          '-m mark --mark s0 -j cali-rpf-skip',
          "-m mark --mark s0 -m rpfilter --validmark --invert -j DROP # Source address is not the workload's own",
          '-m mark --mark no-s0 -j cali-from-host-endpoint',
          '-m mark --mark accept -j ACCEPT',
        ],
        'cali-OUTPUT': [
          '-j MARK --clear all',
          '-j cali-to-host-endpoint',
          '-j cali-tunnel-raw',
          '-m mark --mark accept -j ACCEPT',
        ],
      },
      hooks: {
        PREROUTING: { insert: ['-j cali-PREROUTING'], append: [] },
        OUTPUT: { insert: ['-j cali-OUTPUT'], append: [] },
      },
    })
  })

  test('mangle: established passes, host policy before DNAT', () => {
    assert.deepEqual(tableOf('mangle').chains, {
      'cali-PREROUTING': [
        '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
        '-m mark --mark accept -j ACCEPT',
        '-j cali-from-host-endpoint',
        '-i cali+ -j MARK --set-xmark no-accept # What a workload sends has more to pass',
        '-m mark --mark accept -j ACCEPT',
      ],
      'cali-POSTROUTING': [
        '-m mark --mark accept -j RETURN',
        '-j MARK --clear all',
        '-m conntrack --ctstate DNAT -j cali-to-host-endpoint',
        '-m mark --mark accept -j RETURN',
      ],
    })
  })

  test('nat: floating addresses first, masquerading after everybody else', () => {
    assert.deepEqual(tableOf('nat'), {
      chains: {
        'cali-PREROUTING': ['-j cali-fip-dnat'],
        'cali-OUTPUT': ['-j cali-fip-dnat'],
        'cali-POSTROUTING': ['-j cali-fip-snat', '-j cali-nat-outgoing', '-j cali-tunnel-snat'],
      },
      hooks: {
        PREROUTING: { insert: ['-j cali-PREROUTING'], append: [] },
        OUTPUT: { insert: ['-j cali-OUTPUT'], append: [] },
        POSTROUTING: { insert: [], append: ['-j cali-POSTROUTING'] },
      },
    })
  })

  test('filter: both ends of a flow are asked', () => {
    assert.deepEqual(tableOf('filter'), {
      chains: {
        'cali-INPUT': [
          '-j cali-tunnel-in',
          '-i cali+ -g cali-wl-to-host',
          '-m mark --mark accept -j ACCEPT',
          '-j MARK --clear all',
          '-j cali-from-host-endpoint',
          '-m mark --mark accept -j ACCEPT',
        ],
        'cali-wl-to-host': ['-j cali-from-wl-dispatch', '-j DROP # Workload to its own host'],
        'cali-FORWARD': [
          '-j MARK --clear pass,s0,s1',
          '-m mark --mark no-accept -j cali-from-hep-forward',
          '-i cali+ -j cali-from-wl-dispatch',
          '-o cali+ -j cali-to-wl-dispatch',
          '-j cali-to-hep-forward',
          '-j cali-cidr-block',
        ],
        'cali-OUTPUT': [
          '-j cali-tunnel-out',
          '-m mark --mark accept -j ACCEPT',
          '-o cali+ -j RETURN # This host may reach its workloads',
          '-j MARK --clear all',
          '-m conntrack ! --ctstate DNAT -j cali-to-host-endpoint',
          '-m mark --mark accept -j ACCEPT',
        ],
      },
      hooks: {
        INPUT: { insert: ['-j cali-INPUT'], append: [] },
        FORWARD: {
          insert: ['-j cali-FORWARD'],
          append: [
            '-m mark --mark accept -j ACCEPT',
            '-j MARK --set-xmark accept # Forwarded: no host policy in mangle',
          ],
        },
        OUTPUT: { insert: ['-j cali-OUTPUT'], append: [] },
      },
    })
  })

  test('filter, IPv6: neighbour discovery works whatever the policy', () => {
    const { chains } = tableOf('filter', {}, 6)
    assert.deepEqual(chains['cali-wl-to-host']?.slice(0, 2), [
      '-p 58 -m icmp6 --icmpv6-type 130 -j ACCEPT',
      '-p 58 -m icmp6 --icmpv6-type 131 -j ACCEPT',
    ])
    assert.equal(chains['cali-wl-to-host']?.length, 8)
  })

  test('the configured actions and interface prefixes show', () => {
    const env = {
      FELIX_DEFAULTENDPOINTTOHOSTACTION: 'RETURN',
      FELIX_INTERFACEPREFIX: 'cali,tap',
      FELIX_IPTABLESFILTERALLOWACTION: 'RETURN',
    }
    const { chains } = tableOf('filter', env)
    assert.deepEqual(chains['cali-wl-to-host']?.at(-1), '-j RETURN # Workload to its own host')
    assert.deepEqual(chains['cali-INPUT']?.slice(1, 4), [
      '-i cali+ -g cali-wl-to-host',
      '-i tap+ -g cali-wl-to-host',
      '-m mark --mark accept -j RETURN',
    ])
  })
})

describe('workloadChain()', () => {
  const tier = (
    name: string,
    defaultAction: 'Deny' | 'Pass',
    ingress: readonly string[],
    egress: readonly string[],
  ): EndpointTier => ({ name, defaultAction, ingress, egress })
  const chainsOf = (tiers: readonly EndpointTier[], profiles: readonly string[], env = {}) => {
    const rulesOf = (direction: 'ingress' | 'egress'): readonly string[] => {
      const chain = workloadChain({ tiers, profiles }, direction, settingsOf(env))
      return byName([chain])[chain.name] ?? []
    }
    return { to: rulesOf('ingress'), from: rulesOf('egress') }
  }
  const conntrack = [
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-m conntrack --ctstate INVALID -j DROP',
    '-j MARK --clear accept,pass',
  ]
  const last = '-j DROP # Neither policy nor profile allows it'
  const tunnels = [
    '-p 17 -m multiport --destination-ports 4789 -j DROP # VXLAN sent by a workload',
    '-p 4 -j DROP # IP in IP sent by a workload',
  ]

  test('without policy or profile everything new drops', () => {
    assert.deepEqual(chainsOf([], []), {
      to: [...conntrack, last],
      from: [...conntrack, ...tunnels, last],
    })
  })

  test('tiers in order, each closed by its default action, then profiles', () => {
    const tiers = [
      tier('sec', 'Pass', ['sec/sec.a'], []),
      tier('default', 'Deny', ['default/default.b', 'default/ns/default.c'], []),
    ]
    assert.deepEqual(chainsOf(tiers, ['p1']).to, [
      ...conntrack,
      '-j MARK --set-xmark no-pass # Tier sec',
      '-m mark --mark no-pass -j cali-pi-sec/sec.a',
      '-m mark --mark accept -j RETURN # Allowed by policy',
      '-j MARK --set-xmark no-pass # Tier default',
      '-m mark --mark no-pass -j cali-pi-default/default.b',
      '-m mark --mark accept -j RETURN # Allowed by policy',
      '-m mark --mark no-pass -j cali-pi-default/ns/default.c',
      '-m mark --mark accept -j RETURN # Allowed by policy',
      '-m mark --mark no-pass -j DROP # Tier default: not allowed, not passed on',
      '-j cali-pri-p1',
      '-m mark --mark accept -j RETURN # Allowed by profile',
      last,
    ])
  })

  test('a tier without a policy in a direction is skipped there', () => {
    const chains = chainsOf([tier('default', 'Deny', ['default/default.a'], [])], ['p1'])
    assert.deepEqual(chains.from, [
      ...conntrack,
      ...tunnels,
      '-j cali-pro-p1',
      '-m mark --mark accept -j RETURN # Allowed by profile',
      last,
    ])
  })

  test('the name says what the rules ask, and nothing else', () => {
    const nameOf = (direction: 'ingress' | 'egress', ...tiers: readonly EndpointTier[]): string =>
      workloadChain({ tiers, profiles: ['p'] }, direction, settingsOf({})).name
    const [a, egressOnly] = [tier('t', 'Deny', ['t/a'], []), tier('u', 'Deny', [], ['u/b'])]
    assert.match(nameOf('ingress', a), /^cali-tw-_.{19}$/)
    assert.equal(nameOf('ingress', a, egressOnly), nameOf('ingress', a))
    const all = [
      nameOf('ingress', a),
      nameOf('ingress', { ...a, defaultAction: 'Pass' }),
      nameOf('ingress', { ...a, name: 'v' }),
      nameOf('ingress', { ...a, ingress: ['t/a', 't/b'] }),
      nameOf('ingress', { ...a, ingress: ['t/b', 't/a'] }),
      nameOf('egress', a),
      nameOf('egress', a, egressOnly),
      workloadChain({ tiers: [a], profiles: [] }, 'ingress', settingsOf({})).name,
    ]
    assert.equal(new Set(all).size, all.length)
  })

  test('an allow action of RETURN marks established packets as well', () => {
    assert.deepEqual(chainsOf([], [], { FELIX_IPTABLESFILTERALLOWACTION: 'RETURN' }).to.slice(0, 2), [
      '-m conntrack --ctstate RELATED,ESTABLISHED -j MARK --set-xmark accept',
      '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
    ])
  })

  test('tunnels and invalid packets can be let through', () => {
    const env = {
      FELIX_ALLOWVXLANPACKETSFROMWORKLOADS: 'true',
      FELIX_ALLOWIPIPPACKETSFROMWORKLOADS: 'true',
      FELIX_DISABLECONNTRACKINVALIDCHECK: 'true',
    }
    assert.deepEqual(chainsOf([], [], env).from, [conntrack[0], conntrack[2], last])
  })
})

describe('ownedChains()', () => {
  const ingress = (rules: readonly CalcRule[], version: IpVersion = 4, env = {}): string[] =>
    text(
      ownedChains(
        { kind: 'policy', id: 'default/ns/default.web' },
        { ingress: rules, egress: [] },
        { version, settings: settingsOf(env) },
      )[0]?.rules ?? [],
      version,
    )
  const single = (port: number): { first: number; last: number } => ({ first: port, last: port })

  test('every action', () => {
    assert.deepEqual(
      ingress([
        calcRule('log'),
        calcRule('pass', { protocol: 6 }),
        calcRule('allow', { protocol: 17 }),
        calcRule('deny'),
      ]),
      [
        '-j LOG --log-prefix "calico-packet: " --log-level 5 # Policy default/ns/default.web ingress',
        '-p 6 -j MARK --set-xmark pass',
        '-m mark --mark pass -j RETURN',
        '-p 17 -j MARK --set-xmark accept',
        '-m mark --mark accept -j RETURN',
        '-j DROP',
      ],
    )
  })

  test('a return that nothing follows is left out', () => {
    assert.deepEqual(ingress([calcRule('allow')]), [
      '-j MARK --set-xmark accept # Policy default/ns/default.web ingress',
    ])
  })

  test('log with a prefix of its own and a limit', () => {
    const env = {
      FELIX_LOGPREFIX: '%t %k %p',
      FELIX_LOGACTIONRATELIMIT: '10/minute',
      FELIX_LOGACTIONRATELIMITBURST: '3',
    }
    assert.deepEqual(ingress([calcRule('log', { protocol: 6 })], 4, env), [
      '-p 6 -m limit --limit 10/minute --limit-burst 3 -j LOG --log-prefix "default np ns/default.web: " --log-level 5 # Policy default/ns/default.web ingress',
    ])
  })

  test('annotations of a rule stand on each of its rules', () => {
    const lines = ingress([calcRule('deny', { comments: ['owner=web', 'ticket=7'] })])
    assert.deepEqual(lines, ['-j DROP # Policy default/ns/default.web ingress; owner=web; ticket=7'])
  })

  test('every match that fits one rule', () => {
    const source: Partial<CalcSide> = {
      nets: [parseCidr('10.0.0.0/8')],
      ports: [single(1000), { first: 2000, last: 3000 }],
      sets: ['s:a'],
      notSets: ['s:b'],
    }
    const destination: Partial<CalcSide> = {
      notNets: [parseCidr('10.1.0.0/16')],
      portSets: ['n:http'],
      notPorts: [single(22)],
      notPortSets: ['n:ssh'],
    }
    assert.deepEqual(ingress([calcRule('deny', { protocol: 6, from: source, to: destination })]), [
      '-p 6 -s 10.0.0.0/8 -m set --match-set cali40s:a src -m multiport --source-ports 1000,2000:3000 -m set ! --match-set cali40s:b src ' +
        '-m set --match-set cali40n:http dst,dst ! -d 10.1.0.0/16 -m multiport ! --destination-ports 22 -m set ! --match-set cali40n:ssh dst,dst ' +
        '-j DROP # Policy default/ns/default.web ingress',
    ])
  })

  test('lists walk through the scratch bits, which take turns', () => {
    const destination = {
      nets: [parseCidr('10.2.0.0/16'), parseCidr('10.3.0.0/16')],
      ports: [single(80)],
      portSets: ['n:web'],
    }
    const source = {
      nets: [parseCidr('10.0.0.0/16'), parseCidr('10.1.0.0/16')],
      notNets: [parseCidr('10.0.1.0/24'), parseCidr('10.0.2.0/24')],
    }
    assert.deepEqual(ingress([calcRule('deny', { protocol: 6, from: source, to: destination })]), [
      '-j MARK --clear s0,s1 # Policy default/ns/default.web ingress',
      '-s 10.0.0.0/16 -j MARK --set-xmark s0',
      '-s 10.1.0.0/16 -j MARK --set-xmark s0',
      '-m mark --mark s0 -d 10.2.0.0/16 -j MARK --set-xmark s1',
      '-m mark --mark s0 -d 10.3.0.0/16 -j MARK --set-xmark s1',
      '-j MARK --set-xmark no-s0',
      '-p 6 -m mark --mark s1 -m multiport --destination-ports 80 -j MARK --set-xmark s0',
      '-m mark --mark s1 -m set --match-set cali40n:web dst,dst -j MARK --set-xmark s0',
      '-s 10.0.1.0/24 -j MARK --set-xmark no-s0',
      '-s 10.0.2.0/24 -j MARK --set-xmark no-s0',
      '-p 6 -m mark --mark s0 -j DROP',
    ])
  })

  test('a rule whose addresses are all of the other version, or that excludes everything, is left out', () => {
    const v6only = calcRule('allow', { from: { nets: [parseCidr('fd00::/64')] } })
    const nobody = calcRule('allow', { from: { notNets: [parseCidr('0.0.0.0/0')] } })
    assert.deepEqual(
      ingress([
        v6only,
        nobody,
        calcRule('allow', { ipVersion: 6 }),
        calcRule('allow', { icmp: { type: 128 }, protocol: 58 }),
      ]),
      [],
    )
    assert.equal(ingress([v6only], 6).length, 1)
  })

  test('ICMP by type and code, in both versions', () => {
    assert.deepEqual(ingress([calcRule('deny', { protocol: 1, icmp: { type: 8, code: 0 } })]), [
      '-p 1 -m icmp --icmp-type 8/0 -j DROP # Policy default/ns/default.web ingress',
    ])
    assert.deepEqual(ingress([calcRule('deny', { notIcmp: { type: 128 } })], 6), [
      '-p 58 -m icmp6 ! --icmpv6-type 128 -j DROP # Policy default/ns/default.web ingress',
    ])
  })
})

describe('masquerade()', () => {
  const pools = [
    { cidr: parseCidr('10.0.0.0/16'), natOutgoing: true },
    { cidr: parseCidr('fd00::/48'), natOutgoing: false },
  ]
  const rulesOf = (version: IpVersion, env = {}): string[] =>
    text(masquerade(pools, { version, settings: settingsOf(env), maxElements: 10 }).chain.rules, version)
  const leaving = '-m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst'

  test('from a natOutgoing pool to anything outside all pools', () => {
    assert.deepEqual(rulesOf(4), [`${leaving} -j MASQUERADE --random-fully`])
    assert.deepEqual(rulesOf(6), [])
  })

  test('with a source address, an interface and a port range', () => {
    assert.deepEqual(
      rulesOf(4, { FELIX_NATOUTGOINGADDRESS: '192.0.2.1', FELIX_IPTABLESNATOUTGOINGINTERFACEFILTER: 'eth0' }),
      [`${leaving} -o eth0 -j SNAT --to-source 192.0.2.1 --random-fully`],
    )
    assert.deepEqual(rulesOf(4, { FELIX_NATPORTRANGE: '1000:2000' }), [
      `-p 6 ${leaving} -j MASQUERADE --to-ports 1000-2000 --random-fully`,
      `-p 6 ${leaving} -j RETURN`,
      `-p 17 ${leaving} -j MASQUERADE --to-ports 1000-2000 --random-fully`,
      `-p 17 ${leaving} -j RETURN`,
      `${leaving} -j MASQUERADE --random-fully`,
    ])
  })

  test('addresses fit the source only of their own version', () => {
    const v6pool = [{ cidr: parseCidr('fd00::/48'), natOutgoing: true }]
    const nat = { ...settings, nat: { source: parseIp('192.0.2.1') } }
    assert.match(
      text(masquerade(v6pool, { version: 6, settings: nat, maxElements: 10 }).chain.rules, 6)[0] ?? '',
      /MASQUERADE/,
    )
  })
})
