import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { resolveStartupConfig, type StartupConfig } from './resolve.ts'

type Env = Record<string, string>

describe('resolveStartupConfig()', () => {
  const good: [env: Env, key: keyof StartupConfig, expected: unknown][] = [
    [{}, 'backend', 'bird'],
    [{ CALICO_NETWORKING_BACKEND: 'none' }, 'backend', 'none'],
    [{ CALICO_NETWORKING_BACKEND: 'vxlan' }, 'backend', 'vxlan'],
    [{ CALICO_NETWORKING: 'false' }, 'backend', 'none'],
    [{ CALICO_NETWORKING: 'true', CALICO_NETWORKING_BACKEND: 'none' }, 'backend', 'bird'],
    [{ CALICO_NETWORKING: '' }, 'backend', 'bird'],
    [{}, 'IP', undefined],
    [{ IP: ' autodetect ' }, 'IP', 'autodetect'],
    [{ IP: 'none' }, 'IP', 'none'],
    [{ AS: '1.10' }, 'AS', 65546],
    [{ AS: '64513' }, 'AS', 64513],
    [{}, 'CALICO_IPV4POOL_IPIP', 'Never'],
    ...['Off', 'never', ''].map((word): [Env, keyof StartupConfig, unknown] => [
      { CALICO_IPV4POOL_IPIP: word },
      'CALICO_IPV4POOL_IPIP',
      'Never',
    ]),
    ...['CrossSubnet', 'cross-subnet', 'CROSSSUBNET'].map((word): [Env, keyof StartupConfig, unknown] => [
      { CALICO_IPV4POOL_IPIP: word },
      'CALICO_IPV4POOL_IPIP',
      'CrossSubnet',
    ]),
    [{ CALICO_IPV4POOL_VXLAN: 'ALWAYS' }, 'CALICO_IPV4POOL_VXLAN', 'Always'],
    [{}, 'CALICO_IPV4POOL_NAT_OUTGOING', true],
    [{}, 'CALICO_IPV6POOL_NAT_OUTGOING', false],
    ...['false', '0', 'no', 'n', 'F'].map((word): [Env, keyof StartupConfig, unknown] => [
      { CALICO_IPV4POOL_NAT_OUTGOING: word },
      'CALICO_IPV4POOL_NAT_OUTGOING',
      false,
    ]),
    ...['true', '1', 'YES', 'y', 't'].map((word): [Env, keyof StartupConfig, unknown] => [
      { CALICO_IPV6POOL_NAT_OUTGOING: word },
      'CALICO_IPV6POOL_NAT_OUTGOING',
      true,
    ]),
    [{}, 'CALICO_IPV4POOL_BLOCK_SIZE', 26],
    [{ CALICO_IPV4POOL_BLOCK_SIZE: '27' }, 'CALICO_IPV4POOL_BLOCK_SIZE', 27],
    [{}, 'CALICO_IPV6POOL_BLOCK_SIZE', 122],
    [{ CALICO_IPV4POOL_CIDR: '10.0.0.0/24' }, 'CALICO_IPV4POOL_CIDR', '10.0.0.0/24'],
    [{ CALICO_IPV4POOL_CIDR: 'none' }, 'CALICO_IPV4POOL_CIDR', 'none'],
    [{ CALICO_IPV4POOL_NODE_SELECTOR: "rack == 'r1'" }, 'CALICO_IPV4POOL_NODE_SELECTOR', 'rack == "r1"'],
    [{ NO_DEFAULT_POOLS: 'TRUE' }, 'NO_DEFAULT_POOLS', true],
    [{}, 'WAIT_FOR_DATASTORE', true],
  ]
  for (const [env, key, expected] of good) {
    test(`${JSON.stringify(env)} gives ${key} ${String(expected)}`, () => {
      assert.deepEqual(resolveStartupConfig(env)[key], expected)
    })
  }
  test('keeps the address, and whether a prefix length was given', () => {
    const { IP, IP6 } = resolveStartupConfig({ IP: '10.0.0.5/24', IP6: 'fd00::5' })
    assert.ok(typeof IP === 'object' && typeof IP6 === 'object')
    assert.deepEqual([IP.address.text, IP.bare], ['10.0.0.5/24', false])
    assert.deepEqual([IP6.address.ip, IP6.bare], ['fd00::5', true])
  })

  const bad: [env: Env, message: RegExp][] = [
    [{ IP: '10.0.0.256' }, /IP: .*10\.0\.0\.256/],
    [{ IP: 'fd00::1' }, /IP: fd00::1 is not an IPv4 address/],
    [{ IP6: '10.0.0.1' }, /IP6: 10\.0\.0\.1 is not an IPv6 address/],
    [{ AS: '0x10' }, /AS: /],
    [{ AS: '4294967296' }, /AS: /],
    [{ CALICO_IPV4POOL_CIDR: 'fd00::/64' }, /CALICO_IPV4POOL_CIDR: fd00::\/64 is not an IPv4 network/],
    [{ CALICO_IPV4POOL_BLOCK_SIZE: '19' }, /CALICO_IPV4POOL_BLOCK_SIZE: "19" is not a number from 20 to 32/],
    [{ CALICO_IPV6POOL_BLOCK_SIZE: 'x' }, /CALICO_IPV6POOL_BLOCK_SIZE: "x" is not a number/],
    [{ CALICO_IPV4POOL_IPIP: 'sometimes' }, /CALICO_IPV4POOL_IPIP: "sometimes" is not one of never/],
    [{ CALICO_IPV4POOL_NAT_OUTGOING: 'flase' }, /CALICO_IPV4POOL_NAT_OUTGOING: "flase" is neither true nor false/],
    [{ CALICO_IPV4POOL_NODE_SELECTOR: 'rack = 1' }, /CALICO_IPV4POOL_NODE_SELECTOR: /],
    [{ CALICO_NETWORKING_BACKEND: 'gobgp' }, /CALICO_NETWORKING_BACKEND: "gobgp" is not one of bird, none, vxlan/],
    [{ IP_AUTODETECTION_METHOD: 'interface=(' }, /IP_AUTODETECTION_METHOD: .*regular expression/],
    [
      { NO_DEFAULT_POOLS: 'true', CALICO_IPV4POOL_CIDR: '10.0.0.0/16' },
      /NO_DEFAULT_POOLS: contradicts CALICO_IPV4POOL_CIDR/,
    ],
    [{ CALICO_IPV4POOL_IPIP: 'Always', CALICO_IPV4POOL_VXLAN: 'Always' }, /one encapsulation/],
  ]
  for (const [env, message] of bad) {
    test(`refuses ${JSON.stringify(env)}`, () => {
      assert.throws(() => resolveStartupConfig(env), { code: 'INVALID', message })
    })
  }
  test('a reflector must have a cluster, and BGP', () => {
    const env = { CALICO_NODE_ROLE: 'reflector', CALICO_NETWORKING_BACKEND: 'none' }
    assert.throws(() => resolveStartupConfig(env), /CLUSTER_ID: a reflector must have it; .*the backend is none/)
  })
  test('names all bad variables at once', () => {
    assert.throws(() => resolveStartupConfig({ IP: 'x', AS: 'y' }), /IP: .*; AS: |AS: .*; IP: /)
  })
})
