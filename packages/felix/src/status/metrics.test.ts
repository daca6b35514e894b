import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveHttp } from './http-server.ts'
import { FelixMetrics } from './metrics.ts'

test("FelixMetrics are served under upstream's names, what the graph holds counted when asked", async () => {
  const metrics = new FelixMetrics({ node: 'here', processMetrics: true })
  let policies = 1
  const cluster = { nodes: 2, workloads: 3, hosts: 0, policies: 4, profiles: 5, tiers: 6 }
  metrics.watchGraph(() => ({ localEndpoints: 1, activePolicies: policies, activeSets: 0, cluster }))
  metrics.updatesProcessed.inc({ type: 'policy' })
  const server = await serveHttp(metrics.routes(), { host: '127.0.0.1', port: 0 })
  const lines = async () => (await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text()).split('\n')
  try {
    const first = await lines()
    for (const line of [
      'felix_host{host="here"} 1',
      'felix_resync_state 1',
      'felix_active_local_policies 1',
      'felix_cluster_num_workload_endpoints 3',
      'felix_calc_graph_updates_processed{type="policy"} 1',
    ]) {
      assert.ok(first.includes(line), line)
    }
    assert.ok(first.some((line) => line.startsWith('process_resident_memory_bytes')))
    policies = 7
    assert.ok((await lines()).includes('felix_active_local_policies 7'))
  } finally {
    await server.close()
  }
})
