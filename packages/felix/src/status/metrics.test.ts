import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { serveHttp } from './http-server.ts'
import { OWN_METRICS, UPSTREAM_METRICS } from './metric-names.ts'
import { FelixMetrics } from './metrics.ts'

/** Metrics as a running Felix has them; `policies` can be changed. */
function running(): { metrics: FelixMetrics; counts: { policies: number } } {
  const metrics = new FelixMetrics({ node: 'here', processMetrics: true })
  const counts = { policies: 1 }
  const cluster = { nodes: 2, workloads: 3, hosts: 0, policies: 4, profiles: 5, tiers: 6 }
  const labels = { items: 3, restricted: 2, unrestricted: 1 }
  metrics.watchGraph(() => ({ localEndpoints: 1, activePolicies: counts.policies, activeSets: 0, labels, cluster }))
  metrics.watchProblems(() => 7)
  const routes = { routes: 8, interfaces: 2 }
  metrics.drivers.watch(() => [
    { version: 4, sets: { ours: 3, all: 5 }, tables: [{ table: 'filter', chains: 9, rules: 40 }], routes },
  ])
  return { metrics, counts }
}

describe('FelixMetrics', () => {
  test("are served under upstream's names, what the graph holds counted when asked", async () => {
    const { metrics, counts } = running()
    metrics.updatesProcessed.inc({ type: 'policy' })
    const input = '*nat\n:a - -\nCOMMIT\n'
    metrics.drivers.onTool({ program: 'ip6tables-nft-restore', input, tookMs: 2, failed: false })
    metrics.drivers.onTool({ program: 'ipset', input: 'create x\n', tookMs: 2, failed: true })
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
        'felix_host_problems 7',
        'felix_iptables_rules{ip_version="4",table="filter"} 40',
        'felix_iptables_lines_executed{ip_version="6",table="nat"} 3',
        'felix_iptables_restore_calls 1',
        'felix_iptables_restore_errors 0',
        'felix_ipset_errors 1',
        'felix_ipsets_calico{ip_version="4"} 3',
        'felix_ipsets_total 5',
        'felix_route_table_num_routes{table="254"} 8',
        'felix_label_index_num_active_selectors{optimized="true"} 2',
        'felix_exec_time_micros_count 2',
      ]) {
        assert.ok(first.includes(line), line)
      }
      assert.ok(first.some((line) => line.startsWith('process_resident_memory_bytes')))
      counts.policies = 7
      assert.ok((await lines()).includes('felix_active_local_policies 7'))
    } finally {
      await server.close()
    }
  })

  const names = async (): Promise<string[]> =>
    (await running().metrics.registry.getMetricsAsJSON()).map(({ name }) => name).toSorted()

  test('are exactly those of the table, and a few of our own', async () => {
    const served = Object.entries(UPSTREAM_METRICS).flatMap(([name, state]) => (state === 'served' ? [name] : []))
    assert.deepEqual(
      (await names()).filter((name) => name.startsWith('felix_')),
      [...served, ...OWN_METRICS].toSorted(),
    )
  })

  test('are all that the dashboard asks for', async () => {
    const url = new URL('../../../../docs/grafana/felix.json', import.meta.url)
    const { panels }: { panels: { title: string; targets?: { expr: string }[] }[] } = JSON.parse(
      readFileSync(url, 'utf8'),
    )
    const known = new Set((await names()).flatMap((name) => [name, `${name}_sum`, `${name}_count`]))
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    assert.ok(queries.length >= 12, 'a dashboard has panels with queries')
    for (const query of queries) {
      const used = query.match(/\b(?:felix|process|nodejs|go)_\w+/g) ?? []
      assert.ok(used.length > 0, `${query} asks for nothing of ours`)
      for (const name of used) assert.ok(known.has(name), `${name}, in ${query}, does not exist`)
    }
  })

  test('the operations guide names only metrics that exist', async () => {
    const text = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8')
    const known = new Set((await names()).flatMap((name) => [name, `${name}_sum`, `${name}_count`]))
    const used = text.match(/\bfelix_\w+/g) ?? []
    assert.deepEqual(
      used.filter((name) => !known.has(name)),
      [],
    )
  })
})
