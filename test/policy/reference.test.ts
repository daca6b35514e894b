// The reference semantics on the connectivity cases, before any kernel comes in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { workloadEndpointName, type Resource } from '@calico-node/model'
import { evaluate, World, type HostFacts, type Packet, type Place } from '@calico-node/policy'
import { afterStep, CASES, type Check, checksOf, EXTERNAL_IP, fixture, NODE, NODE_IP, workloadIp } from './cases.ts'

const failsafe = (protocol: 'tcp' | 'udp') => (port: number) => ({ protocol, port })
const CONTROL_PLANE = [179, 2379, 2380, 5473, 6443, 6666, 6667]

export function hostFacts(resources: readonly Resource[]): HostFacts {
  const felix = resources.find((item) => item.kind === 'FelixConfiguration')
  const configured = felix?.kind === 'FelixConfiguration' ? felix.spec.defaultEndpointToHostAction : undefined
  return {
    node: NODE,
    interfaces: new Map([['eth0', [NODE_IP]]]),
    endpointToHostAction: configured === 'Return' || configured === 'Accept' ? configured : 'Drop',
    failsafeInbound: [...[22, ...CONTROL_PLANE].map(failsafe('tcp')), failsafe('udp')(68)],
    failsafeOutbound: [...CONTROL_PLANE.map(failsafe('tcp')), ...[53, 67].map(failsafe('udp'))],
    vxlanPort: 4789,
  }
}

const place = (name: string): Place => {
  if (name === 'node') return { kind: 'host' }
  if (name === 'ext') return { kind: 'outside', interfaceName: 'eth0' }
  const [namespace = '', pod = ''] = name.split('/')
  const stored = workloadEndpointName({
    node: NODE,
    orchestrator: 'test',
    workload: `${namespace}-${pod}`,
    endpoint: 'eth0',
  })
  return { kind: 'workload', endpoint: `${namespace}/${stored}` }
}
const ipOf = (name: string) => (name === 'node' ? NODE_IP : name === 'ext' ? EXTERNAL_IP : workloadIp(name))

function packetOf({ from, to, protocol, port, sourcePort = 50_000 }: Check): Packet {
  const addresses = { source: ipOf(from), destination: ipOf(to) }
  if (protocol === 'icmp') return { ...addresses, protocol: 1, icmp: { type: 8, code: 0 } }
  return { ...addresses, protocol: protocol === 'tcp' ? 6 : 17, sourcePort, destinationPort: port }
}

for (const item of CASES) {
  test(`${item.id}: ${item.title}`, () => {
    let resources = fixture(item.workloadOverrides)
    for (const [index, step] of item.steps.entries()) {
      resources = afterStep(resources, step)
      const world = new World(resources)
      const host = hostFacts(resources)
      for (const check of checksOf(step)) {
        const { action, stages } = evaluate({
          world,
          host,
          packet: packetOf(check),
          from: place(check.from),
          to: place(check.to),
        })
        const what = `step ${index}: ${check.protocol}/${check.port} ${check.from} -> ${check.to}`
        assert.equal(action, check.result, `${what}: ${JSON.stringify(stages.at(-1)?.decision)}`)
      }
    }
  })
}

test('the cases cover both results', () => {
  const results = CASES.flatMap((item) => item.steps.flatMap(checksOf)).map((check) => check.result)
  assert.ok(
    results.filter((result) => result === 'allow').length > 100 &&
      results.filter((result) => result === 'deny').length > 100,
  )
})
