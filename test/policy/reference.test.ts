// The reference semantics on the connectivity cases, before any kernel comes in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Resource } from '@calico-node/model'
import type { Packet } from '@calico-node/policy'
import {
  afterStep,
  CASES,
  type Check,
  checksOf,
  EXTERNAL_IP,
  fixture,
  interfaceOf,
  NODE,
  NODE_IP,
  workloadIp,
} from './cases.ts'
import { HOST, hostFacts, Reference } from './questions.ts'

const UPLINK = 'eth0'

function referenceFor(resources: readonly Resource[]): Reference {
  const felix = resources.find((item) => item.kind === 'FelixConfiguration')
  const configured = felix?.kind === 'FelixConfiguration' ? felix.spec.defaultEndpointToHostAction : undefined
  const endpointToHostAction = configured === 'Return' || configured === 'Accept' ? configured : 'Drop'
  return new Reference(resources, hostFacts({ node: NODE, uplink: UPLINK, ips: [NODE_IP], endpointToHostAction }))
}

const spot = (name: string): string => (name === 'node' ? HOST : name === 'ext' ? UPLINK : interfaceOf(name))
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
      const reference = referenceFor(resources)
      for (const check of checksOf(step)) {
        const { action, stages } = reference.ask(packetOf(check), spot(check.from), spot(check.to))
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
