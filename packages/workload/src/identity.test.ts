import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNodeName } from '@calico-node/model'
import { parseAddressWish } from './addresses.ts'
import {
  endpointNameOf,
  endpointOf,
  handleOf,
  hostInterfaceOf,
  identityFields,
  randomMac,
  type WorkloadId,
} from './identity.ts'

const id = (more: Partial<WorkloadId> = {}): WorkloadId => ({
  node: parseNodeName('host-a'),
  orchestrator: 'docker',
  workload: 'c0ffee',
  namespace: 'default',
  ...more,
})

test('a workload has the same endpoint every time, and no two workloads share one', () => {
  assert.match(endpointOf(id()), /^[0-9a-f]{32}$/)
  assert.equal(endpointOf(id()), endpointOf(id({ node: parseNodeName('host-b') })))
  const all = [id(), id({ workload: 'c0ffee2' }), id({ orchestrator: 'namespace' }), id({ namespace: 'shop' })].map(
    endpointOf,
  )
  assert.equal(new Set(all).size, all.length)
  assert.equal(endpointOf(id({ endpoint: 'eth0' })), 'eth0')
})

const names: [orchestrator: string, endpoint: string, name: string, field: string][] = [
  ['docker', 'eth0', 'host--a-docker-c0ffee-eth0', 'workload'],
  ['namespace', 'eth0', 'host--a-namespace-c0ffee-eth0', 'workload'],
  ['cni', 'eth0', 'host--a-cni-c0ffee-eth0', 'containerID'],
  ['k8s', 'eth0', 'host--a-k8s-c0ffee-eth0', 'pod'],
]
for (const [orchestrator, endpoint, name, field] of names) {
  test(`an endpoint of ${orchestrator} is named by its ${field}`, () => {
    assert.equal(endpointNameOf(id({ orchestrator, endpoint })), name)
    assert.equal(Reflect.get(identityFields(id({ orchestrator, endpoint })), field), 'c0ffee')
  })
}

test('host interfaces, handles and MACs have the agreed form', () => {
  assert.equal(hostInterfaceOf('0123456789abcdef'), 'cali0123456789a')
  assert.equal(handleOf(id()), 'docker.c0ffee')
  const mac = randomMac()
  assert.equal(Number.parseInt(mac.slice(0, 2), 16) & 0b11, 0b10)
  assert.notEqual(randomMac(), mac)
})

test('parseAddressWish() takes families, addresses and networks', () => {
  for (const [text, wish] of [
    ['ipv4', 'ipv4'],
    ['ipv6', 'ipv6'],
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.0/24', '10.0.0.0/24'],
    ['FD00::1', 'fd00::1'],
  ]) {
    assert.equal(parseAddressWish(text ?? ''), wish)
  }
  for (const text of ['', 'ipv5', '10.0.0', '10.0.0.0/33', 'pool-a'])
    assert.throws(() => parseAddressWish(text), { code: 'INVALID' })
})
