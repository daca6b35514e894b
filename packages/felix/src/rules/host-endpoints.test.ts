/** What the chains of host endpoints look like as iptables would be told, one way of traffic a test. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { IpVersion, Table } from '@calico-node/linux'
import type { EndpointTier } from '../calc/messages.ts'
import { failsafeChains } from './failsafes.ts'
import { type Governance, hostEndpointChains, type PolicedHost } from './host-endpoints.ts'
import { byName, settingsOf } from './rule-text.test.ts'

const tier = (
  name: string,
  ingress: readonly string[],
  egress: readonly string[],
  defaultAction: 'Deny' | 'Pass' = 'Deny',
): EndpointTier => ({ name, defaultAction, ingress, egress })
const host = (fields: Partial<PolicedHost> = {}): PolicedHost => ({
  tiers: [],
  untrackedTiers: [],
  preDnatTiers: [],
  forwardTiers: [],
  profiles: [],
  ...fields,
})
const eth0 = (endpoint: PolicedHost): Governance => ({ byInterface: new Map([['eth0', endpoint]]) })

const tableOf = (table: Table, governance: Governance, env = {}): Record<string, string[]> =>
  byName(
    hostEndpointChains(governance, settingsOf(env))
      .filter((each) => each.table === table)
      .map(({ chain }) => chain),
  )

const CONNTRACK = ['-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT', '-m conntrack --ctstate INVALID -j DROP']
const CLEAR = '-j MARK --clear accept,pass'
const NOT_ALLOWED = '-m mark --mark no-pass -j DROP # Tier default: not allowed, not passed on'
const asked = (chain: string): string[] => [
  `-m mark --mark no-pass -j ${chain}`,
  '-m mark --mark accept -j RETURN # Allowed by policy',
]

describe('hostEndpointChains()', () => {
  test('without host endpoints there is nothing in any table, but the chains that others jump to exist', () => {
    const chains = hostEndpointChains({ byInterface: new Map() }, settingsOf())
    assert.deepEqual(
      chains.map(({ table, chain }) => `${table} ${chain.name} ${chain.rules.length}`),
      [
        'raw cali-from-host-endpoint 0',
        'raw cali-to-host-endpoint 0',
        'mangle cali-from-host-endpoint 0',
        'mangle cali-to-host-endpoint 0',
        'filter cali-from-host-endpoint 0',
        'filter cali-to-host-endpoint 0',
        'filter cali-from-hep-forward 0',
        'filter cali-to-hep-forward 0',
      ],
    )
  })

  test('filter: policy, then profiles, then closed; forwarding stays open without a policy for it', () => {
    const chains = tableOf(
      'filter',
      eth0(host({ tiers: [tier('default', ['default/default.in'], [])], profiles: ['p'] })),
    )
    assert.deepEqual(chains, {
      'cali-from-host-endpoint': ['-i eth0 -g cali-fh-eth0'],
      'cali-to-host-endpoint': ['-o eth0 -g cali-th-eth0'],
      'cali-from-hep-forward': ['-i eth0 -g cali-fhfw-eth0'],
      'cali-to-hep-forward': ['-o eth0 -g cali-thfw-eth0'],
      'cali-fh-eth0': [
        ...CONNTRACK,
        '-j cali-failsafe-in # What must never be closed',
        CLEAR,
        '-j MARK --set-xmark no-pass # Tier default',
        ...asked('cali-pi-default/default.in'),
        NOT_ALLOWED,
        '-j cali-pri-p',
        '-m mark --mark accept -j RETURN # Allowed by profile',
        '-j DROP # Neither policy nor profile allows it',
      ],
      'cali-th-eth0': [
        ...CONNTRACK,
        '-j cali-failsafe-out # What must never be closed',
        CLEAR,
        '-j cali-pro-p',
        '-m mark --mark accept -j RETURN # Allowed by profile',
        '-j DROP # Neither policy nor profile allows it',
      ],
      'cali-fhfw-eth0': ['-j MARK --set-xmark accept # No policy for forwarded traffic'],
      'cali-thfw-eth0': ['-j MARK --set-xmark accept # No policy for forwarded traffic'],
    })
  })

  test('filter: with a policy for forwarded traffic that direction is closed, without failsafes or profiles', () => {
    const chains = tableOf(
      'filter',
      eth0(host({ forwardTiers: [tier('default', ['default/default.f'], [], 'Pass')], profiles: ['p'] })),
    )
    assert.deepEqual(chains['cali-fhfw-eth0'], [
      ...CONNTRACK,
      CLEAR,
      '-j MARK --set-xmark no-pass # Tier default',
      ...asked('cali-pi-default/default.f'),
      '-j DROP # No policy allows it',
    ])
    assert.deepEqual(chains['cali-thfw-eth0'], ['-j MARK --set-xmark accept # No policy for forwarded traffic'])
  })

  test('mangle: before DNAT policy may only object; traffic of the host that DNAT sent elsewhere meets its egress policy', () => {
    const env = { FELIX_IPTABLESFILTERDENYACTION: 'REJECT' }
    const endpoint = host({
      preDnatTiers: [tier('default', ['default/default.pre'], [])],
      tiers: [tier('default', [], ['default/default.out'])],
    })
    assert.deepEqual(tableOf('mangle', eth0(endpoint), env), {
      'cali-from-host-endpoint': ['-i eth0 -g cali-fh-eth0'],
      'cali-to-host-endpoint': ['-o eth0 -g cali-th-eth0'],
      'cali-fh-eth0': [
        ...CONNTRACK,
        '-j cali-failsafe-in # What must never be closed',
        CLEAR,
        '-j MARK --set-xmark no-pass # Tier default',
        ...asked('cali-pi-default/default.pre'),
      ],
      'cali-th-eth0': [
        '-m conntrack --ctstate RELATED,ESTABLISHED -j MARK --set-xmark accept',
        '-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
        '-m conntrack --ctstate INVALID -j DROP',
        '-j cali-failsafe-out # What must never be closed',
        CLEAR,
        '-j MARK --set-xmark no-pass # Tier default',
        ...asked('cali-po-default/default.out'),
        NOT_ALLOWED,
        '-j DROP # Neither policy nor profile allows it',
      ],
    })
  })

  test('raw: untracked policy may only object, and what it allows is not tracked', () => {
    assert.deepEqual(
      tableOf('raw', eth0(host({ tiers: [tier('default', ['default/default.in'], [])], profiles: ['p'] }))),
      {},
    )
    assert.deepEqual(tableOf('raw', eth0(host({ untrackedTiers: [tier('default', ['default/default.u'], [])] }))), {
      'cali-from-host-endpoint': ['-i eth0 -g cali-fh-eth0'],
      'cali-to-host-endpoint': ['-o eth0 -g cali-th-eth0'],
      'cali-fh-eth0': [
        '-j cali-failsafe-in # What must never be closed',
        CLEAR,
        '-j MARK --set-xmark no-pass # Tier default',
        '-m mark --mark no-pass -j cali-pi-default/default.u',
        '-m mark --mark accept -j CT --notrack',
        '-m mark --mark accept -j RETURN # Allowed by policy',
      ],
      'cali-th-eth0': ['-j cali-failsafe-out # What must never be closed', CLEAR],
    })
  })

  test('an endpoint for all other interfaces spares loopback, and after DNAT workloads; it knows no untracked policy', () => {
    const others = host({
      untrackedTiers: [tier('default', ['default/default.u'], [])],
      preDnatTiers: [tier('default', ['default/default.p'], [])],
    })
    const governance = { byInterface: new Map([['eth0', host()]]), others }
    assert.deepEqual(tableOf('raw', governance), {})
    const { 'cali-from-host-endpoint': from, 'cali-to-host-endpoint': to } = tableOf('mangle', governance)
    assert.deepEqual(from, ['-i eth0 -g cali-fh-eth0', '-i lo -j RETURN', '-g cali-fh-any-interface-at-all'])
    assert.deepEqual(to, [
      '-o eth0 -g cali-th-eth0',
      '-o lo -j RETURN',
      '-o cali+ -j RETURN',
      '-g cali-th-any-interface-at-all',
    ])
    assert.deepEqual(tableOf('filter', governance)['cali-to-hep-forward'], [
      '-o eth0 -g cali-thfw-eth0',
      '-o lo -j RETURN',
      '-g cali-thfw-_Nqh4HyA73udmyanQI',
    ])
    assert.equal(tableOf('mangle', governance)['cali-fh-eth0'], undefined, 'silent where the other one speaks')
  })
})

describe('failsafeChains()', () => {
  const env = {
    FELIX_FAILSAFEINBOUNDHOSTPORTS: 'tcp:22,tcp:10.0.0.0/8:179',
    FELIX_FAILSAFEOUTBOUNDHOSTPORTS: 'udp:53,sctp:[fd00::/16]:7',
  }
  const chainsOf = (table: Table, version: IpVersion): Record<string, string[]> =>
    byName(failsafeChains(settingsOf(env), table, version), version)

  test('the network of an entry is the other side', () => {
    assert.deepEqual(chainsOf('filter', 4), {
      'cali-failsafe-in': [
        '-p 6 -m multiport --destination-ports 22 -j ACCEPT',
        '-p 6 -s 10.0.0.0/8 -m multiport --destination-ports 179 -j ACCEPT',
      ],
      'cali-failsafe-out': ['-p 17 -m multiport --destination-ports 53 -j ACCEPT'],
    })
  })

  test('without connection tracking replies are let through as well', () => {
    assert.deepEqual(chainsOf('raw', 4)['cali-failsafe-out'], [
      '-p 17 -m multiport --destination-ports 53 -j ACCEPT',
      '-p 6 -m multiport --source-ports 22 -j ACCEPT',
      '-p 6 -d 10.0.0.0/8 -m multiport --source-ports 179 -j ACCEPT',
    ])
    assert.equal(chainsOf('raw', 4)['cali-failsafe-in']?.at(-1), '-p 17 -m multiport --source-ports 53 -j ACCEPT')
  })

  test('IPv6 finds its neighbours, whatever is configured', () => {
    const { 'cali-failsafe-in': lines = [] } = chainsOf('filter', 6)
    assert.deepEqual(
      lines.map((line) => /icmpv6-type (\d+)/.exec(line)?.[1]),
      ['130', '131', '132', '133', '135', '136', '134', '143', undefined],
    )
    assert.equal(
      chainsOf('filter', 6)['cali-failsafe-out']?.at(-1),
      '-p 132 -d fd00::/16 -m multiport --destination-ports 7 -j ACCEPT',
    )
    assert.deepEqual(
      byName(failsafeChains(settingsOf({ FELIX_FAILSAFEINBOUNDHOSTPORTS: 'none' }), 'filter', 4), 4)[
        'cali-failsafe-in'
      ],
      undefined,
    )
  })
})
