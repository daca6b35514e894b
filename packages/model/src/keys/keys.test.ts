import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { cidrOf, parseCidr } from '../address/cidr.ts'
import { ipFromBigInt } from '../address/ip.ts'
import { kindInfo } from '../kinds/info.ts'
import { ALL_KINDS } from '../kinds/table.ts'
import { isPolicyKind } from '../resource/policy-name.ts'
import {
  affinityKey,
  affinityPrefix,
  blockKey,
  blockPrefix,
  findAffinityKey,
  findBlockKey,
  findHandleKey,
  handleKey,
  IPAM_CONFIG_KEY,
  virtualAffinityKey,
} from './ipam-key.ts'
import { findResourceKey, resourceKey, resourceKeys, resourcePrefix } from './resource-key.ts'
import {
  felixLastReportedStatusKey,
  felixStatusKey,
  findWorkloadStatusKey,
  hostEndpointStatusKey,
  workloadStatusKey,
  workloadStatusPrefix,
} from './status-key.ts'

const V3 = '/calico/resources/v3/projectcalico.org'

describe('keys of resources', () => {
  const rows: [kind: Parameters<typeof resourceKey>[0], name: string, namespace: string | undefined, key: string][] = [
    ['Node', 'host-a', undefined, `${V3}/nodes/host-a`],
    ['IPPool', 'default-ipv4-ippool', undefined, `${V3}/ippools/default-ipv4-ippool`],
    ['BGPConfiguration', 'node.host-a', undefined, `${V3}/bgpconfigurations/node.host-a`],
    ['CalicoNodeStatus', 'x', undefined, `${V3}/caliconodestatuses/x`],
    ['WorkloadEndpoint', 'host--a-cni-x-eth0', 'shop', `${V3}/workloadendpoints/shop/host--a-cni-x-eth0`],
    ['NetworkPolicy', 'db', 'shop', `${V3}/networkpolicies/shop/default.db`],
    ['NetworkPolicy', 'knp.default.db', 'shop', `${V3}/networkpolicies/shop/knp.default.db`],
    ['GlobalNetworkPolicy', 'allow-web', undefined, `${V3}/globalnetworkpolicies/default.allow-web`],
    ['GlobalNetworkPolicy', 'sec.web', undefined, `${V3}/globalnetworkpolicies/sec.web`],
    ['StagedGlobalNetworkPolicy', 'web', undefined, `${V3}/stagedglobalnetworkpolicies/default.web`],
    ['StagedKubernetesNetworkPolicy', 'web', 'shop', `${V3}/stagedkubernetesnetworkpolicies/shop/web`],
  ]
  for (const [kind, name, namespace, key] of rows) {
    test(`${kind} ${name}`, () => {
      assert.equal(resourceKey(kind, name, namespace), key)
      assert.equal(findResourceKey(key)?.kind, kind)
      assert.equal(findResourceKey(key)?.namespace, namespace)
    })
  }

  test('policies have a second key, that of Calico 3.32', () => {
    assert.deepEqual(resourceKeys('NetworkPolicy', 'db', 'shop'), [
      `${V3}/networkpolicies/shop/default.db`,
      `${V3}/networkpolicies/shop/db`,
    ])
    assert.deepEqual(resourceKeys('GlobalNetworkPolicy', 'sec.web'), [`${V3}/globalnetworkpolicies/sec.web`])
    assert.deepEqual(resourceKeys('Node', 'host-a'), [`${V3}/nodes/host-a`])
  })

  test('a namespaced kind needs a namespace', () => {
    assert.throws(() => resourceKey('NetworkPolicy', 'db'), RangeError)
    assert.throws(() => resourceKey('NetworkPolicy', 'db', ''), RangeError)
  })

  test('prefixes end in a slash', () => {
    assert.equal(resourcePrefix('NetworkPolicy'), `${V3}/networkpolicies/`)
    assert.equal(resourcePrefix('NetworkPolicy', 'shop'), `${V3}/networkpolicies/shop/`)
    assert.equal(resourcePrefix('Node'), `${V3}/nodes/`)
  })

  for (const key of [
    `${V3}/nodes`,
    `${V3}/nodes/`,
    `${V3}/nodes/a/b`,
    `${V3}/networkpolicies/db`,
    `${V3}/networkpolicies/a/b/c`,
    `${V3}/networkpolicies//b`,
    `${V3}/gizmos/a`,
    '/calico/ipam/v2/config',
    '',
  ]) {
    test(`${key || 'nothing'} is no key of a resource`, () => assert.equal(findResourceKey(key), undefined))
  }

  test('property: key to name to key, for every kind', () => {
    const name = fc.stringMatching(/^[a-z0-9]{1,8}$/)
    fc.assert(
      fc.property(fc.constantFrom(...ALL_KINDS), name, name, (kind, own, namespace) => {
        const key = kindInfo(kind).namespaced ? resourceKey(kind, own, namespace) : resourceKey(kind, own)
        const found = findResourceKey(key)
        assert.equal(found?.name, isPolicyKind(kind) ? `default.${own}` : own)
        assert.equal(resourceKey(kind, found?.name ?? '', found?.namespace), key)
      }),
    )
  })
})

describe('keys of IPAM', () => {
  const v4 = parseCidr('10.65.3.64/26')
  const v6 = parseCidr('fd00:0:0::40/122')
  test('as Calico spells them', () => {
    assert.equal(blockKey(v4), '/calico/ipam/v2/assignment/ipv4/block/10.65.3.64-26')
    assert.equal(blockKey(v6), '/calico/ipam/v2/assignment/ipv6/block/fd00::40-122')
    assert.equal(affinityKey('rack1-a', v4), '/calico/ipam/v2/host/rack1-a/ipv4/block/10.65.3.64-26')
    assert.equal(
      virtualAffinityKey('load-balancer', v6),
      '/calico/ipam/v2/virtual/load-balancer/ipv6/block/fd00::40-122',
    )
    assert.equal(handleKey('net1.9f3c'), '/calico/ipam/v2/handle/net1.9f3c')
    assert.equal(IPAM_CONFIG_KEY, '/calico/ipam/v2/config')
    assert.ok(blockKey(v4).startsWith(blockPrefix(4)) && affinityKey('n', v6).startsWith(affinityPrefix('n', 6)))
  })
  test('property: blocks and affinities to key and back', () => {
    const cidr = fc.oneof(
      fc
        .tuple(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), fc.nat(32))
        .map(([value, length]) => cidrOf(ipFromBigInt(value, 4), length)),
      fc
        .tuple(fc.bigInt({ min: 2n ** 112n, max: 2n ** 128n - 1n }), fc.nat(128))
        .map(([value, length]) => cidrOf(ipFromBigInt(value, 6), length)),
    )
    fc.assert(
      fc.property(cidr, fc.stringMatching(/^[a-z0-9.-]{1,12}$/), (block, owner) => {
        assert.equal(findBlockKey(blockKey(block)), block)
        assert.deepEqual(findAffinityKey(affinityKey(owner, block)), {
          owner: { kind: 'host', name: owner },
          cidr: block,
        })
        assert.deepEqual(findAffinityKey(virtualAffinityKey(owner, block)), {
          owner: { kind: 'virtual', name: owner },
          cidr: block,
        })
      }),
    )
  })
  test('handles: any identifier but one with a slash', () => {
    assert.equal(findHandleKey(handleKey('a b\r%')), 'a b\r%')
    for (const id of ['', 'a/b']) assert.throws(() => handleKey(id), RangeError)
  })
  test('other keys are none of these', () => {
    for (const key of [
      '/calico/ipam/v2/config',
      '/calico/ipam/v2/host/node-a',
      '/calico/ipam/v2/assignment/ipv4/block/10.0.0.1-24',
      '/calico/ipam/v2/assignment/ipv4/block/x',
    ]) {
      assert.deepEqual(
        [findBlockKey(key), findAffinityKey(key), findHandleKey(key)],
        [undefined, undefined, undefined],
        key,
      )
    }
  })
})

describe('keys of status', () => {
  test('as Felix writes them', () => {
    assert.equal(felixStatusKey('a'), '/calico/felix/v2/no-region/host/a/status')
    assert.equal(felixStatusKey('a', 'west'), '/calico/felix/v2/region-west/host/a/status')
    assert.equal(felixLastReportedStatusKey('a'), '/calico/felix/v2/no-region/host/a/last_reported_status')
    assert.equal(
      workloadStatusKey('a', { orchestrator: 'cni', workload: 'default/9f3', endpoint: 'eth0' }),
      '/calico/felix/v2/no-region/host/a/workload/cni/default%2f9f3/endpoint/eth0',
    )
    assert.equal(hostEndpointStatusKey('a', 'a-eth0'), '/calico/felix/v1/host/a/endpoint/a-eth0')
  })
  test('property: workload status to key and back', () => {
    const part = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('a', '%', '/', '2', 'f', '5') })
    fc.assert(
      fc.property(part, part, part, (orchestrator, workload, endpoint) => {
        const key = workloadStatusKey('node-a', { orchestrator, workload, endpoint })
        assert.ok(key.startsWith(workloadStatusPrefix('node-a')))
        assert.deepEqual(findWorkloadStatusKey(key), { node: 'node-a', orchestrator, workload, endpoint })
      }),
    )
  })
  test('other keys are none of these', () => assert.equal(findWorkloadStatusKey(felixStatusKey('a')), undefined))
})
