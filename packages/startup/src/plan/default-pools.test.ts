import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCidr, parseIpInterface } from '@calico-node/model'
import { resolveStartupConfig } from '../config/resolve.ts'
import { defaultPoolCidr, planDefaultPools, type PoolInput } from './default-pools.ts'

const plan = (env: Record<string, string>, extra: Partial<PoolInput> = {}) =>
  planDefaultPools({
    config: resolveStartupConfig(env),
    existing: [],
    hostAddresses: [],
    ipv6Available: true,
    ...extra,
  })

describe('planDefaultPools()', () => {
  test('makes the two pools of the documents', () => {
    assert.deepEqual(
      plan({}).map(({ name, spec }) => ({ name, ...spec })),
      [
        {
          name: 'default-ipv4-ippool',
          cidr: '192.168.0.0/16',
          blockSize: 26,
          ipipMode: 'Never',
          vxlanMode: 'Never',
          natOutgoing: true,
          nodeSelector: 'all()',
        },
        {
          name: 'default-ipv6-ippool',
          cidr: 'fd80:24e2:f998:72d6::/64',
          blockSize: 122,
          ipipMode: 'Never',
          vxlanMode: 'Never',
          natOutgoing: false,
          nodeSelector: 'all()',
        },
      ],
    )
  })
  const names: [why: string, env: Record<string, string>, extra: Partial<PoolInput>, expected: string[]][] = [
    ['none with NO_DEFAULT_POOLS', { NO_DEFAULT_POOLS: 'true' }, {}, []],
    ['none for a family that has one', {}, { existing: [parseCidr('10.0.0.0/16')] }, ['default-ipv6-ippool']],
    ['none for a family switched off', { CALICO_IPV4POOL_CIDR: 'none' }, {}, ['default-ipv6-ippool']],
    ['no IPv6 pool when Felix has no IPv6', { FELIX_IPV6SUPPORT: 'false' }, {}, ['default-ipv4-ippool']],
    ['no IPv6 pool on a kernel without IPv6', {}, { ipv6Available: false }, ['default-ipv4-ippool']],
  ]
  for (const [why, env, extra, expected] of names) {
    test(why, () =>
      assert.deepEqual(
        plan(env, extra).map(({ name }) => name),
        expected,
      ),
    )
  }
  const specs: [env: Record<string, string>, index: 0 | 1, field: string, expected: unknown][] = [
    [{ CALICO_IPV4POOL_CIDR: '10.0.0.0/12' }, 0, 'cidr', '10.0.0.0/12'],
    [{ CALICO_IPV4POOL_IPIP: 'always' }, 0, 'ipipMode', 'Always'],
    [{ CALICO_IPV4POOL_VXLAN: 'cross-subnet' }, 0, 'vxlanMode', 'CrossSubnet'],
    [{ CALICO_IPV4POOL_NAT_OUTGOING: 'no' }, 0, 'natOutgoing', false],
    [{ CALICO_IPV4POOL_BLOCK_SIZE: '28' }, 0, 'blockSize', 28],
    [{ CALICO_IPV4POOL_NODE_SELECTOR: 'has(rack)' }, 0, 'nodeSelector', 'has(rack)'],
    [{ CALICO_IPV4POOL_DISABLE_BGP_EXPORT: 'true' }, 0, 'disableBGPExport', true],
    [{ CALICO_IPV6POOL_CIDR: 'fd00::/48' }, 1, 'cidr', 'fd00::/48'],
    [{ CALICO_IPV6POOL_VXLAN: 'Always' }, 1, 'vxlanMode', 'Always'],
    [{ CALICO_IPV6POOL_NAT_OUTGOING: '1' }, 1, 'natOutgoing', true],
    [{ CALICO_IPV6POOL_BLOCK_SIZE: '124' }, 1, 'blockSize', 124],
    [{ CALICO_IPV6POOL_NODE_SELECTOR: 'has(six)' }, 1, 'nodeSelector', 'has(six)'],
  ]
  for (const [env, index, field, expected] of specs) {
    test(`${JSON.stringify(env)} sets ${field}`, () =>
      assert.deepEqual(Reflect.get(plan(env)[index]?.spec ?? {}, field), expected))
  }
})

describe('defaultPoolCidr()', () => {
  const cases: [why: string, hosts: string[], expected: string][] = [
    ["is the documents' pool", ['10.0.0.5/24'], '192.168.0.0/16'],
    ['gives way to a host address inside it', ['192.168.1.5/24'], '172.16.0.0/16'],
    ['takes the first network that is free', ['192.168.1.5/24', '172.16.0.1/24', '172.17.0.1/16'], '172.18.0.0/16'],
    ['gives way to a subnet that contains it', ['192.0.0.1/8', '172.16.9.1/14'], '172.20.0.0/16'],
    ['stands when everything is taken', ['192.168.0.1/16', '172.16.0.1/12'], '192.168.0.0/16'],
    ['does not mind IPv6 addresses', ['fd80:24e2:f998:72d6::1/64'], '192.168.0.0/16'],
  ]
  for (const [why, hosts, expected] of cases) {
    test(why, () => assert.equal(defaultPoolCidr(4, hosts.map(parseIpInterface)), expected))
  }
})
