import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIp, parseIpInterface } from '@calico-node/model'
import { candidateText, chooseAddress, noAddressError } from './choose.ts'
import type { DefaultRoute, HostAddress, HostFacts, SourceProbe } from './facts.ts'
import { type DetectionMethod, parseDetectionMethod } from './method.ts'

const AUTO: DetectionMethod = { kind: 'auto' }
let nextIndex = 0
const address = (name: string, text: string, extra: Partial<HostAddress> = {}): HostAddress => ({
  interface: name,
  index: ++nextIndex,
  address: parseIpInterface(text),
  secondary: false,
  ...extra,
})
const route = (name: string, metric = 0, source?: string): DefaultRoute => ({
  interface: name,
  metric,
  ...(source !== undefined && { source: parseIp(source) }),
})
const probe = (target: string, source?: string): SourceProbe => ({
  target,
  ...(source !== undefined && { source: parseIp(source) }),
})
const facts = (addresses: HostAddress[], rest: Partial<HostFacts> = {}): HostFacts => ({
  version: 4,
  addresses,
  defaultRoutes: [],
  probes: [],
  ...rest,
})

const LO = address('lo', '127.0.0.1/8')
const ETH0 = address('eth0', '172.18.0.5/16')
const ETH1 = address('eth1', '10.1.0.5/24')
const DOCKER = address('docker0', '172.17.0.1/16')
const HOST = [LO, ETH0, ETH1, DOCKER]

interface Case {
  readonly why: string
  readonly method: DetectionMethod | string
  readonly facts: HostFacts
  readonly chosen: string | undefined
  readonly reason?: RegExp
  readonly rivals?: readonly string[]
}

const CASES: readonly Case[] = [
  {
    why: 'prefers the address used to reach etcd',
    method: AUTO,
    chosen: '172.18.0.5/16',
    reason: /towards etcd at http:\/\/e:2379/,
    facts: facts(HOST, { probes: [probe('http://e:2379', '172.18.0.5')], defaultRoutes: [route('eth1')] }),
  },
  {
    why: 'passes over etcd on loopback',
    method: AUTO,
    chosen: '10.1.0.5/24',
    reason: /on eth1, where the default route/,
    facts: facts(HOST, { probes: [probe('http://127.0.0.1:2379', '127.0.0.1')], defaultRoutes: [route('eth1')] }),
  },
  {
    why: 'passes over etcd in a container of this host',
    method: AUTO,
    chosen: '10.1.0.5/24',
    facts: facts(HOST, { probes: [probe('http://172.17.0.2:2379', '172.17.0.1')], defaultRoutes: [route('eth1')] }),
  },
  {
    why: 'uses the next endpoint when the first is out of reach',
    method: AUTO,
    chosen: '10.1.0.5/24',
    reason: /b:2379/,
    facts: facts(HOST, { probes: [probe('a:2379'), probe('b:2379', '10.1.0.5')] }),
  },
  {
    why: 'takes the source that the default route prescribes',
    method: AUTO,
    chosen: '172.18.0.5/16',
    facts: facts(HOST, { defaultRoutes: [route('eth1', 0, '172.18.0.5')] }),
    reason: /source address of the default route/,
  },
  {
    why: 'takes the default route with the lowest metric',
    method: AUTO,
    chosen: '172.18.0.5/16',
    rivals: [],
    facts: facts(HOST, { defaultRoutes: [route('eth1', 200), route('eth0', 100)] }),
  },
  {
    why: 'says that two equal default routes are ambiguous',
    method: AUTO,
    chosen: '10.1.0.5/24',
    facts: facts(HOST, { defaultRoutes: [route('eth0'), route('eth1')] }),
    rivals: ['172.18.0.5/16 on eth0'],
  },
  {
    why: 'finds the first usable address, newest interface first, and says that it guessed',
    method: AUTO,
    facts: facts(HOST),
    chosen: '10.1.0.5/24',
    reason: /first usable/,
    rivals: ['172.18.0.5/16 on eth0'],
  },
  {
    why: 'takes a subnet before a single virtual address',
    method: AUTO,
    chosen: '10.1.0.5/24',
    facts: facts([address('eth1', '10.1.0.100/32', { index: 1 }), address('eth1', '10.1.0.5/24', { index: 1 })]),
    rivals: [],
  },
  {
    why: 'takes a single address where there is no other',
    method: AUTO,
    chosen: '10.128.0.2/32',
    facts: facts([address('ens4', '10.128.0.2/32')]),
  },
  {
    why: 'takes the primary address before an alias',
    method: AUTO,
    chosen: '10.1.0.5/24',
    rivals: [],
    facts: facts([
      address('e', '10.1.0.9/24', { index: 1, secondary: true }),
      address('e', '10.1.0.5/24', { index: 1 }),
    ]),
  },
  {
    why: 'never takes a link-local or a temporary address',
    method: AUTO,
    chosen: 'fd00::5/64',
    facts: facts(
      [
        address('eth0', 'fe80::1/64'),
        address('eth0', 'fd00::aaaa/64', { flaw: 'temporary address' }),
        address('eth0', 'fd00::5/64', { index: 1 }),
      ],
      { version: 6 },
    ),
  },
  { why: 'has nothing on a host with loopback only', method: AUTO, facts: facts([LO, DOCKER]), chosen: undefined },
  {
    why: 'first-found does not look at etcd',
    method: 'first-found',
    chosen: '10.1.0.5/24',
    facts: facts(HOST, { probes: [probe('e', '172.18.0.5')], defaultRoutes: [route('eth0')] }),
  },
  {
    why: 'interface= takes what it is told, even a bridge',
    method: 'interface=docker',
    facts: facts(HOST),
    chosen: '172.17.0.1/16',
  },
  {
    why: 'interface= patterns are unanchored and unranked',
    method: 'interface=th0,nosuch',
    facts: facts(HOST),
    chosen: '172.18.0.5/16',
  },
  {
    why: 'interface= that matches several says so',
    method: 'interface=eth',
    facts: facts(HOST),
    chosen: '10.1.0.5/24',
    rivals: ['172.18.0.5/16 on eth0'],
  },
  {
    why: 'interface= that matches nothing finds nothing',
    method: 'interface=bond',
    facts: facts(HOST),
    chosen: undefined,
  },
  {
    why: 'skip-interface= adds to the built-in list',
    method: 'skip-interface=eth1',
    facts: facts(HOST),
    chosen: '172.18.0.5/16',
  },
  {
    why: 'can-reach= takes the source address',
    method: 'can-reach=9.9.9.9',
    chosen: '172.18.0.5/16',
    facts: facts(HOST, { probes: [probe('9.9.9.9', '172.18.0.5')] }),
  },
  {
    why: 'can-reach= refuses a source that is on no interface',
    method: 'can-reach=9.9.9.9',
    chosen: undefined,
    facts: facts(HOST, { probes: [probe('9.9.9.9', '192.0.2.1')] }),
  },
  {
    why: 'cidr= takes the first address inside',
    method: 'cidr=192.0.2.0/24,172.18.0.0/16',
    facts: facts(HOST),
    chosen: '172.18.0.5/16',
  },
  {
    why: 'cidr= does not look at interface names',
    method: 'cidr=172.17.0.0/16',
    facts: facts(HOST),
    chosen: '172.17.0.1/16',
  },
]

describe('chooseAddress()', () => {
  for (const { why, method, facts: host, chosen, reason, rivals } of CASES) {
    test(why, () => {
      const choice = chooseAddress(
        typeof method === 'string' ? parseDetectionMethod(method, host.version) : method,
        host,
      )
      assert.equal(choice.chosen?.address.text, chosen)
      assert.equal(choice.candidates.length, host.addresses.length)
      if (choice.chosen === undefined) return
      if (reason !== undefined) assert.match(choice.reason, reason)
      if (rivals !== undefined) assert.deepEqual(choice.rivals.map(candidateText), rivals)
    })
  }
  const skipped = [
    'docker0',
    'cbr0',
    'dummy0',
    'podman1',
    'virbr0',
    'lxcbr0',
    'veth9',
    'lo',
    'br-1a2b',
    'cali0123',
    'tunl0',
    'flannel.1',
    'kube-ipvs0',
    'cni0',
    'vxlan.calico',
    'vxlan-v6.calico',
    'wireguard.cali',
    'wg-v6.cali',
    'nodelocaldns',
  ]
  for (const name of skipped) {
    test(`skips ${name}`, () =>
      assert.equal(chooseAddress(AUTO, facts([address(name, '10.0.0.1/24')])).chosen, undefined))
  }
  test('takes an interface whose name only resembles loopback', () => {
    assert.equal(chooseAddress(AUTO, facts([address('lowlan', '10.0.0.1/24')])).chosen?.interface, 'lowlan')
  })
  test('explains what was passed over and how to decide', () => {
    const { candidates } = chooseAddress(AUTO, facts([LO, DOCKER]))
    const { message } = noAddressError(4, candidates)
    assert.match(message, /172\.17\.0\.1\/16 on docker0 \(interface of a container engine/)
    assert.match(message, /set IP to an address, or IP_AUTODETECTION_METHOD to interface=NAME/)
  })
})

describe('parseDetectionMethod()', () => {
  const refused: [text: string, version: 4 | 6, message: RegExp][] = [
    ['last-found', 4, /want first-found, interface=/],
    ['interface', 4, /want first-found/],
    ['interface=', 4, /want first-found/],
    ['interface=eth(', 4, /Invalid regular expression/],
    ['interface=eth0,,eth1', 4, /item of the list is empty/],
    ['cidr=10.0.0.0/33', 4, /10\.0\.0\.0\/33/],
    ['cidr=fd00::/8', 4, /fd00::\/8 is not an IPv4 network/],
    ['cidr=10.0.0.0/8', 6, /is not an IPv6 network/],
    ['kubernetes-internal-ip', 4, /needs Kubernetes/],
  ]
  for (const [text, version, message] of refused) {
    test(`refuses ${text} for IPv${version}`, () => {
      assert.throws(() => parseDetectionMethod(text, version), { code: 'INVALID', message })
    })
  }
})
