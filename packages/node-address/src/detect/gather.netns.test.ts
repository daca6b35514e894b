import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { run } from '@calico-node/linux'
import { candidateText, chooseAddress } from './choose.ts'
import { gatherAddresses, gatherFacts } from './gather.ts'
import { type DetectionMethod, parseDetectionMethod } from './method.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const ip = (...words: string[]): Promise<string> => run('ip', words.join(' ').split(' '))

/** eth0 and eth1 with a subnet each, a default route over eth1, a Docker bridge, an interface that is down. */
before(async () => {
  for (const [name, addresses] of Object.entries({
    eth0: ['10.20.0.5/24', 'fd00:20::5/64'],
    eth1: ['10.30.0.5/24', '10.30.0.100/32'],
    eth2: ['10.40.0.5/24'],
  })) {
    await ip('link add', name, 'type veth peer name', `${name}p`)
    for (const address of addresses)
      await ip('address add', address, 'dev', name, address.includes(':') ? 'nodad' : 'brd +')
    if (name !== 'eth2') await ip('link set', name, 'up')
    if (name !== 'eth2') await ip('link set', `${name}p`, 'up')
  }
  await ip('link add docker0 type bridge')
  await ip('address add 172.17.0.1/16 dev docker0')
  await ip('link set docker0 up')
  await ip('route add default via 10.30.0.1')
  await ip('route add 192.0.2.0/24 via 10.20.0.1')
})

async function choose(version: 4 | 6, method: DetectionMethod, endpoints: readonly string[] = []) {
  const facts = await gatherFacts(version, method, await gatherAddresses(), endpoints)
  return chooseAddress(method, facts)
}

describe('detection on a real host', () => {
  const auto: DetectionMethod = { kind: 'auto' }
  const cases: [
    why: string,
    version: 4 | 6,
    method: DetectionMethod | string,
    endpoints: string[],
    expected: string | undefined,
  ][] = [
    ['takes the source towards etcd', 4, auto, ['http://192.0.2.9:2379'], '10.20.0.5/24'],
    ['takes the own address when etcd is on this host', 4, auto, ['http://10.20.0.5:2379'], '10.20.0.5/24'],
    ['passes over etcd on loopback, for the default route', 4, auto, ['http://127.0.0.1:2379'], '10.30.0.5/24'],
    ['passes over etcd behind the Docker bridge', 4, auto, ['http://172.17.0.2:2379'], '10.30.0.5/24'],
    ['passes over a name that does not resolve', 4, auto, ['http://etcd.invalid:2379'], '10.30.0.5/24'],
    ['finds an IPv6 address while etcd speaks IPv4', 6, auto, ['http://192.0.2.9:2379'], 'fd00:20::5/64'],
    ['takes the IPv6 source towards etcd', 6, auto, ['http://[fd00:20::9]:2379'], 'fd00:20::5/64'],
    ['can-reach', 4, 'can-reach=192.0.2.1', [], '10.20.0.5/24'],
    ['can-reach without a way there', 6, 'can-reach=2001:db8::1', [], undefined],
    ['interface', 4, 'interface=docker.*', [], '172.17.0.1/16'],
    ['interface that is down', 4, 'interface=eth2', [], undefined],
    ['skip-interface', 4, 'skip-interface=eth1', [], '10.20.0.5/24'],
    ['cidr', 4, 'cidr=10.20.0.0/16', [], '10.20.0.5/24'],
  ]
  for (const [why, version, method, endpoints, expected] of cases) {
    test(why, async () => {
      const parsed = typeof method === 'string' ? parseDetectionMethod(method, version) : method
      assert.equal((await choose(version, parsed, endpoints)).chosen?.address.text, expected)
    })
  }
  test('knows every address and why it was passed over', async () => {
    const { candidates } = await choose(4, auto)
    const texts = candidates.map(candidateText)
    assert.ok(texts.includes('10.40.0.5/24 on eth2 (interface is down)'), texts.join(', '))
    assert.ok(texts.some((text) => text.startsWith('172.17.0.1/16 on docker0 (interface of a container engine')))
    assert.ok(texts.includes('10.30.0.100/32 on eth1'))
  })
})
