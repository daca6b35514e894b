import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resourceKey } from '../keys/resource-key.ts'
import { decodeResource } from './codec.ts'

/** What Felix reads at start on a large cluster. An idle machine takes a tenth of the limit. */
const COUNT = 10_000
const CPU_LIMIT_MS = 3000

function stored(index: number): { key: string; value: string } {
  const name = `node--${index % 100}-k8s-pod${index}-eth0`
  const value = JSON.stringify({
    kind: 'WorkloadEndpoint',
    apiVersion: 'projectcalico.org/v3',
    metadata: {
      name,
      namespace: 'shop',
      uid: '1429be4d-b1ed-4dfe-8e49-ae2a86b78a18',
      creationTimestamp: '2026-11-21T09:08:42Z',
      labels: { app: `db${index}`, 'projectcalico.org/namespace': 'shop', 'projectcalico.org/orchestrator': 'k8s' },
    },
    spec: {
      orchestrator: 'k8s',
      pod: `pod${index}`,
      node: `node-${index % 100}`,
      endpoint: 'eth0',
      ipNetworks: [`10.65.${index >> 8}.${index & 255}/32`, `fd80:65::${index.toString(16)}/128`],
      profiles: ['kns.shop', 'ksa.shop.default'],
      interfaceName: `cali${index}`,
      mac: 'ee:ee:ee:ee:ee:ee',
      ports: [{ name: 'pg', protocol: 'TCP', port: 5432, hostPort: 0, hostIP: '' }],
    },
  })
  return { key: resourceKey('WorkloadEndpoint', name, 'shop'), value }
}

test(`${COUNT} workload endpoints are decoded in less than ${CPU_LIMIT_MS} ms of CPU time`, () => {
  const rows = Array.from({ length: COUNT }, (_, index) => stored(index))
  const before = process.cpuUsage()
  const decoded = rows.map(({ key, value }) => decodeResource('WorkloadEndpoint', value, { key, modRevision: 1n }))
  const { user } = process.cpuUsage(before)
  assert.equal(new Set(decoded.flatMap(({ spec }) => spec.ipNetworks)).size, 2 * COUNT)
  assert.ok(user / 1000 < CPU_LIMIT_MS, `took ${user / 1000} ms`)
})
