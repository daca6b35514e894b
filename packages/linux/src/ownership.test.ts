import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr } from '@calico-node/model'
import {
  chainName,
  DEFAULT_ROUTE_OWNERSHIP,
  isOurChain,
  isOurIpSet,
  namedPortSetId,
  ownsRoute,
  ROUTE_CLASSES,
  routeClassRank,
  selectorSetId,
  setName,
  temporarySetName,
} from './ownership.ts'

describe('chainName()', () => {
  const cases: [why: string, prefix: string, name: string, chain: string][] = [
    ['keeps a short name', 'cali-pri-', 'kns.default', 'cali-pri-kns.default'],
    ['keeps a name of exactly 28 characters', 'cali-th-', 'any-interface-at-all', 'cali-th-any-interface-at-all'],
    ['hashes a long name', 'cali-pi-', 'default/default.allow-tcp-80', 'cali-pi-_w6c3i7lsXCdtfGqcxq5'],
    [
      'hashes what would be one character too long',
      'cali-thfw-',
      'any-interface-at-all',
      'cali-thfw-_Nqh4HyA73udmyanQI',
    ],
  ]
  for (const [why, prefix, name, chain] of cases) {
    test(why, () => {
      assert.equal(chainName(prefix, name), chain)
      assert.ok(chain.length <= 28)
    })
  }
  test('hashes a name of 28 characters that would pose as a hash', () => {
    const posing = chainName('cali-pi-', '_w6c3i7lsXCdtfGqcxq5')
    assert.notEqual(posing, 'cali-pi-_w6c3i7lsXCdtfGqcxq5')
    assert.equal(posing.length, 28)
  })
})

describe('IP set names', () => {
  test('hash the canonical selector and cut at 31 characters', () => {
    const id = selectorSetId('all()')
    assert.equal(id, 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug')
    assert.equal(setName(id, 4), 'cali40s:5y5I3VdRZfDU01O--xXAPx2')
    assert.equal(setName(id, 6).length, 31)
    assert.equal(setName('all-ipam-pools', 6), 'cali60all-ipam-pools')
  })
  test('tell named ports apart by selector, protocol and port', () => {
    const ids = [
      namedPortSetId('s:a', 'tcp', 'http'),
      namedPortSetId('s:a', 'udp', 'http'),
      namedPortSetId('s:a', 'tcp', 'dns'),
      namedPortSetId('s:b', 'tcp', 'http'),
    ]
    assert.equal(new Set(ids).size, 4)
    assert.match(namedPortSetId('s:a', 'tcp', 'http'), /^n:[\w-]{38}$/)
  })
  const owners: [name: string, v4: boolean, v6: boolean][] = [
    ['cali40all-ipam-pools', true, false],
    ['cali60all-ipam-pools', false, true],
    [temporarySetName(4, 7), true, false],
    ['felix-4-x', true, false],
    ['felix-masq-ipam-pools', true, false],
    ['docker-ext', false, false],
    ['calico', false, false],
  ]
  for (const [name, v4, v6] of owners) {
    test(`${name} is ${v4 || v6 ? 'ours' : "somebody else's"}`, () => {
      assert.deepEqual([isOurIpSet(name, 4), isOurIpSet(name, 6)], [v4, v6])
    })
  }
})

test('isOurChain() goes by prefix', () => {
  const ours = ['cali-FORWARD', 'cali-pi-_abc', 'felix-FORWARD', 'calipi-x', 'califh-eth0']
  const others = ['DOCKER', 'KUBE-SERVICES', 'calico', 'FORWARD', 'my-cali-chain']
  assert.deepEqual([...ours, ...others].filter(isOurChain), ours)
})

describe('ownsRoute()', () => {
  const dst = parseCidr('10.0.0.1/32')
  const cases: [why: string, route: Parameters<typeof ownsRoute>[0], owned: boolean, over?: object][] = [
    ['protocol 80 on any device', { dst, dev: 'eth0', protocol: 80 }, true],
    ['a blackhole of protocol 80', { dst, protocol: 80 }, true],
    ['any protocol on a workload interface', { dst, dev: 'cali1', protocol: 4 }, true],
    ['any protocol on the VXLAN device', { dst, dev: 'vxlan.calico', protocol: 4 }, true],
    ['BIRD on the uplink', { dst, dev: 'eth0', protocol: 12 }, false],
    ['boot on the uplink', { dst, dev: 'eth0', protocol: 3 }, false],
    ['what a patched BIRD left on tunl0', { dst, dev: 'tunl0', protocol: 12 }, true],
    ['somebody else’s on tunl0', { dst, dev: 'tunl0', protocol: 4 }, false],
    ['link-local on a workload interface', { dst: parseCidr('fe80::/64'), dev: 'cali1', protocol: 2 }, false],
    [
      'a foreign protocol on a workload interface, when told to keep it',
      { dst, dev: 'cali1', protocol: 4 },
      false,
      { removeExternalRoutes: false },
    ],
    [
      'boot on a workload interface, even then',
      { dst, dev: 'cali1', protocol: 3 },
      true,
      { removeExternalRoutes: false },
    ],
    ['the configured protocol anywhere', { dst, dev: 'eth0', protocol: 99 }, true, { deviceRouteProtocol: 99 }],
    ['another workload prefix', { dst, dev: 'tap7', protocol: 3 }, true, { workloadPrefixes: ['cali', 'tap'] }],
  ]
  for (const [why, route, owned, over] of cases) {
    test(`${owned ? 'owns' : 'spares'} ${why}`, () =>
      assert.equal(ownsRoute(route, { ...DEFAULT_ROUTE_OWNERSHIP, ...over }), owned))
  }
})

test('routeClassRank() prefers workloads, and unknown owners last', () => {
  const owners = [...ROUTE_CLASSES.map((name) => `${name} x`), 'somebody']
  assert.deepEqual(
    owners.toReversed().toSorted((a, b) => routeClassRank(a) - routeClassRank(b)),
    owners,
  )
})
