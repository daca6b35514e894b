/** What the rules about tunnels, floating addresses and service networks look like as iptables would be told. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Chain, renderRule } from '@calico-node/linux'
import { parseCidr, parseIp, parseMac } from '@calico-node/model'
import type { FloatingIp, LocalTunnel } from '../calc/messages.ts'
import { environmentLayer } from '../config/layers.ts'
import { resolveFelixConfig } from '../config/resolve.ts'
import { floatingIpChains } from './nat.ts'
import { serviceLoopChain } from './service-loops.ts'
import { ruleSettings, type RuleSettings } from './settings.ts'
import { tunnelRules } from './tunnels.ts'

const settingsOf = (env: Readonly<Record<string, string>> = {}): RuleSettings =>
  ruleSettings(resolveFelixConfig([environmentLayer(env)]).config)
const ACCEPTED = '-j MARK --set-xmark 0x10000/0x10000'
const lines = ({ rules }: Chain, version: 4 | 6 = 4): string[] =>
  rules.map(({ match, action }) => renderRule({ match, action }, version))

const mac = parseMac('66:01:02:03:04:05')
const vxlan: LocalTunnel = { kind: 'vxlan', nodeIp: parseIp('192.0.2.1'), address: parseIp('10.0.0.1'), mac }
const ipip: LocalTunnel = { kind: 'ipip', nodeIp: parseIp('192.0.2.1'), address: parseIp('10.0.1.1') }
const six: LocalTunnel = { kind: 'vxlan-v6', nodeIp: parseIp('fd99::1'), mac }
const hosts = new Set(['192.0.2.1', '192.0.2.2'])
const vxlanHosts = new Set(['192.0.2.2'])

describe('tunnelRules()', () => {
  const of = (tunnels: readonly LocalTunnel[], version: 4 | 6 = 4, env = {}) => {
    const { sets, unusedSets, chains } = tunnelRules(
      { tunnels, hosts, vxlanHosts },
      { version, settings: settingsOf(env), maxElements: 10 },
    )
    const text: Record<string, string[]> = Object.fromEntries(
      chains.map(({ table, chain }) => [`${table} ${chain.name}`, lines(chain, version)]),
    )
    return { sets: sets.map(({ name, members }) => `${name}: ${[...members].join(' ')}`), unusedSets, text }
  }

  test('without a tunnel there are chains without rules, and no sets', () => {
    assert.deepEqual(of([]), {
      sets: [],
      unusedSets: ['cali40all-hosts-net', 'cali40all-vxlan-net'],
      text: {
        'raw cali-tunnel-raw': [],
        'filter cali-tunnel-in': [],
        'filter cali-tunnel-out': [],
        'nat cali-tunnel-snat': [],
      },
    })
  })

  test("VXLAN: from the other ends only, not tracked, with the tunnel's address", () => {
    const packets = '-p 17 -m multiport --destination-ports 4789'
    assert.deepEqual(of([vxlan]), {
      sets: ['cali40all-vxlan-net: 192.0.2.2'],
      unusedSets: ['cali40all-hosts-net'],
      text: {
        'raw cali-tunnel-raw': [`${packets} -j CT --notrack`],
        'filter cali-tunnel-in': [
          `${packets} -m set --match-set cali40all-vxlan-net src -m addrtype --dst-type LOCAL ${ACCEPTED}`,
          `${packets} -m set ! --match-set cali40all-vxlan-net src -m addrtype --dst-type LOCAL -j DROP`,
        ],
        'filter cali-tunnel-out': [
          `${packets} -m addrtype --src-type LOCAL -m set --match-set cali40all-vxlan-net dst ${ACCEPTED}`,
        ],
        'nat cali-tunnel-snat': [
          '-o vxlan.calico -m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL -j MASQUERADE --random-fully',
        ],
      },
    })
  })

  test('IP-in-IP: from every node', () => {
    const { text: rules } = of([ipip])
    assert.deepEqual(rules['filter cali-tunnel-in'], [
      `-p 4 -m set --match-set cali40all-hosts-net src -m addrtype --dst-type LOCAL ${ACCEPTED}`,
      '-p 4 -m set ! --match-set cali40all-hosts-net src -m addrtype --dst-type LOCAL -j DROP',
    ])
    assert.deepEqual(rules['raw cali-tunnel-raw'], [])
  })

  test('both at once, another port, IPv6, and no address yet', () => {
    const { text: rules } = of([vxlan, ipip], 4, { FELIX_VXLANPORT: '8472' })
    assert.equal(rules['filter cali-tunnel-in']?.length, 4)
    assert.match(rules['raw cali-tunnel-raw']?.[0] ?? '', /--destination-ports 8472/)
    const v6 = of([six], 6)
    assert.deepEqual([v6.sets, v6.unusedSets], [['cali60all-vxlan-net: 192.0.2.2'], ['cali60all-hosts-net']])
    assert.deepEqual(v6.text['nat cali-tunnel-snat'], [])
  })
})

describe('floatingIpChains()', () => {
  const pair = (external: string, internal: string): FloatingIp => ({
    external: parseIp(external),
    internal: parseIp(internal),
  })
  const of = (pairs: readonly FloatingIp[], version: 4 | 6 = 4) =>
    floatingIpChains(pairs, version).map((chain) => lines(chain, version))

  test('in to the workload, and out only when it meets itself', () => {
    assert.deepEqual(of([pair('203.0.113.1', '10.0.0.1'), pair('2001:db8::1', 'fd00::1')]), [
      ['-d 203.0.113.1/32 -j DNAT --to-destination 10.0.0.1'],
      ['-s 10.0.0.1/32 -d 10.0.0.1/32 -j SNAT --to-source 203.0.113.1'],
    ])
    assert.deepEqual(of([pair('2001:db8::1', 'fd00::1')], 6)[0], [
      '-d 2001:db8::1/128 -j DNAT --to-destination fd00::1',
    ])
  })

  test('two workloads with one address: the lower has it; two addresses of one workload: the lower is its own', () => {
    for (const flip of [false, true]) {
      const pairs = [pair('203.0.113.1', '10.0.0.10'), pair('203.0.113.1', '10.0.0.9'), pair('203.0.113.9', '10.0.0.9')]
      assert.deepEqual(of(flip ? pairs.toReversed() : pairs), [
        ['-d 203.0.113.1/32 -j DNAT --to-destination 10.0.0.9', '-d 203.0.113.9/32 -j DNAT --to-destination 10.0.0.9'],
        ['-s 10.0.0.9/32 -d 10.0.0.9/32 -j SNAT --to-source 203.0.113.1'],
      ])
    }
  })
})

describe('serviceLoopChain()', () => {
  const networks = ['10.97.0.0/16', 'fd96::/108', '10.96.0.0/16'].map(parseCidr)
  const actions: [setting: string, expected: string[]][] = [
    ['Drop', ['-d 10.96.0.0/16 -j DROP', '-d 10.97.0.0/16 -j DROP']],
    ['Reject', ['-d 10.96.0.0/16 -j REJECT', '-d 10.97.0.0/16 -j REJECT']],
    ['Disabled', []],
  ]
  for (const [setting, expected] of actions) {
    test(`${setting}: in order of the networks`, () => {
      assert.deepEqual(
        lines(serviceLoopChain(networks, 4, settingsOf({ FELIX_SERVICELOOPPREVENTION: setting }))),
        expected,
      )
    })
  }
})
