/** Figures of what Felix does to the kernel: commands as they end, objects counted when somebody asks. */
import type { IpVersion, ToolCall } from '@calico-node/linux'
import { Counter, Gauge, type Registry, Summary } from 'prom-client'

/** What stands in the kernel for one IP version. */
export interface FamilyCounts {
  readonly version: IpVersion
  readonly sets: { readonly ours: number; readonly all: number }
  readonly tables: readonly { readonly table: string; readonly chains: number; readonly rules: number }[]
  readonly routes: { readonly routes: number; readonly interfaces: number }
}

export class DriverMetrics {
  readonly #registry: Registry
  readonly #execMicros: Summary
  readonly #readSeconds: Summary
  readonly #flushSeconds: Summary
  readonly #save: Calls
  readonly #restore: Calls
  readonly #ipset: Calls
  readonly #ipsetLines: Counter
  readonly #ruleLines: Counter<'ip_version' | 'table'>

  constructor(registry: Registry) {
    this.#registry = registry
    const registers = [registry]
    const summary = (name: string, help: string): Summary => new Summary({ name, help, registers })
    this.#execMicros = summary('felix_exec_time_micros', 'Time of one command.')
    this.#readSeconds = summary('felix_route_table_resync_seconds', 'Time to read back all routes.')
    this.#flushSeconds = summary(
      'felix_route_table_conntrack_wait_seconds',
      'Time that routes waited for tracked flows of a moved address to go.',
    )
    this.#save = new Calls(registry, 'felix_iptables_save', 'reading rules')
    this.#restore = new Calls(registry, 'felix_iptables_restore', 'writing rules')
    this.#ipset = new Calls(registry, 'felix_ipset', 'reading or writing IP sets')
    this.#ipsetLines = new Counter({
      name: 'felix_ipset_lines_executed',
      help: 'Lines given to ipset.',
      registers,
    })
    this.#ruleLines = new Counter({
      name: 'felix_iptables_lines_executed',
      help: 'Lines given to iptables-restore.',
      labelNames: ['ip_version', 'table'],
      registers,
    })
  }

  onTool({ program, input = '', tookMs, failed }: ToolCall): void {
    this.#execMicros.observe(tookMs * 1000)
    if (program === 'ipset') {
      this.#ipset.add(failed)
      this.#ipsetLines.inc(lineCount(input))
    } else if (program.endsWith('-save')) this.#save.add(failed)
    else if (program.endsWith('-restore')) {
      this.#restore.add(failed)
      const [, table = 'unknown'] = /^\*(\w+)/.exec(input) ?? []
      this.#ruleLines.inc({ ip_version: program.startsWith('ip6') ? '6' : '4', table }, lineCount(input))
    }
  }

  onRouteTime(what: 'read' | 'flush', tookMs: number): void {
    const summary = what === 'read' ? this.#readSeconds : this.#flushSeconds
    summary.observe(tookMs / 1000)
  }

  /** Shows what stands, counted at each request. */
  watch(counts: () => readonly FamilyCounts[]): void {
    const gauge = <L extends string>(
      name: string,
      help: string,
      labelNames: L[],
      rows: (each: FamilyCounts) => Row<L>[],
    ) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers: [this.#registry],
        collect() {
          for (const family of counts()) for (const { labels, value } of rows(family)) this.set(labels, value)
        },
      })
    const ip = ({ version }: FamilyCounts) => ({ ip_version: String(version) })
    gauge('felix_ipsets_calico', 'IP sets of ours.', ['ip_version'], (each) => [
      { labels: ip(each), value: each.sets.ours },
    ])
    gauge('felix_ipsets_total', 'IP sets of this host, also those of others.', [], ({ sets }) => [
      { labels: {}, value: sets.all },
    ])
    gauge('felix_iptables_chains', 'Chains of ours.', ['ip_version', 'table'], (each) =>
      each.tables.map(({ table, chains }) => ({ labels: { ...ip(each), table }, value: chains })),
    )
    gauge('felix_iptables_rules', 'Rules of ours in our chains.', ['ip_version', 'table'], (each) =>
      each.tables.map(({ table, rules }) => ({ labels: { ...ip(each), table }, value: rules })),
    )
    const route = ({ version }: FamilyCounts) => ({ table: version === 4 ? '254' : '254-v6' })
    gauge('felix_route_table_num_routes', 'Routes of ours in the main table.', ['table'], (each) => [
      { labels: route(each), value: each.routes.routes },
    ])
    gauge('felix_route_table_num_ifaces', 'Interfaces that they lead to.', ['table'], (each) => [
      { labels: route(each), value: each.routes.interfaces },
    ])
  }
}

interface Row<L extends string> {
  readonly labels: Record<L, string>
  readonly value: number
}

/** How often a tool was called, and how often in vain. */
class Calls {
  readonly #calls: Counter
  readonly #errors: Counter

  constructor(registry: Registry, name: string, what: string) {
    const registers = [registry]
    this.#calls = new Counter({ name: `${name}_calls`, help: `Commands for ${what}.`, registers })
    this.#errors = new Counter({ name: `${name}_errors`, help: `Commands for ${what} that failed.`, registers })
  }

  add(failed: boolean): void {
    this.#calls.inc()
    if (failed) this.#errors.inc()
  }
}

function lineCount(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}
