/**
 * The figures that Felix shows to Prometheus, under upstream's names. Parts of Felix write to them; what
 * can be counted when somebody asks is counted then, so that a change costs nothing for the sake of a figure.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry, Summary } from 'prom-client'
import type { GraphCounts } from '../calc/graph.ts'
import { DriverMetrics } from './driver-metrics.ts'
import type { Routes } from './http-server.ts'

/** The connection to the store; the numbers are upstream's. */
export const RESYNC_STATE = { waiting: 1, resync: 2, inSync: 3 } as const

export interface MetricsOptions {
  readonly node: string
  /** Also figures of the process and of Node: memory, descriptors, event loop. */
  readonly processMetrics: boolean
}

export class FelixMetrics {
  readonly registry = new Registry()
  readonly #summary = (name: string, help: string): Summary => new Summary({ name, help, registers: [this.registry] })
  readonly #counter = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, registers: [this.registry] })
  readonly #gauge = (name: string, help: string, collect?: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers: [this.registry],
      ...(collect && {
        collect() {
          this.set(collect())
        },
      }),
    })

  readonly resyncState = this.#gauge(
    'felix_resync_state',
    'Datastore: 1 = waiting, 2 = reading the snapshot, 3 = in sync.',
  )
  readonly resyncsStarted = this.#counter('felix_resyncs_started', 'How often the datastore was read from the start.')
  readonly updatesProcessed = this.#counter(
    'felix_calc_graph_updates_processed',
    'Changes taken in by the calculation graph.',
    ['type'],
  )
  readonly updateSeconds = this.#summary(
    'felix_calc_graph_update_time_seconds',
    'Time to work out one batch of changes.',
  )
  readonly outputEvents = this.#counter(
    'felix_calc_graph_output_events',
    'Messages from the calculation graph to the data plane.',
  )
  readonly invalidResources = this.#gauge(
    'felix_invalid_resources',
    'Stored values that count as missing because they are invalid.',
  )

  readonly dataplaneMessages = this.#counter('felix_int_dataplane_messages', 'Messages taken in by the data plane.', [
    'type',
  ])
  readonly dataplaneBatchSize = this.#summary(
    'felix_int_dataplane_msg_batch_size',
    'Messages taken in at once by the data plane.',
  )
  readonly interfaceBatchSize = this.#summary(
    'felix_int_dataplane_iface_msg_batch_size',
    'Interface events taken in by one pass.',
  )
  readonly addressBatchSize = this.#summary(
    'felix_int_dataplane_addr_msg_batch_size',
    'Address events taken in by one pass.',
  )
  readonly applySeconds = this.#summary('felix_int_dataplane_apply_time_seconds', 'Time of one pass over the kernel.')
  readonly applyFailures = this.#counter(
    'felix_int_dataplane_failures',
    'Passes over the kernel that have to be repeated.',
  )

  readonly drivers = new DriverMetrics(this.registry)

  constructor({ node, processMetrics }: MetricsOptions) {
    new Gauge({
      name: 'felix_host',
      help: 'The name of this node, as a label.',
      labelNames: ['host'],
      registers: [this.registry],
    }).set({ host: node }, 1)
    this.resyncState.set(RESYNC_STATE.waiting)
    if (processMetrics) collectDefaultMetrics({ register: this.registry })
  }

  /** Shows what the graph holds, counted at each request. */
  watchGraph(counts: () => GraphCounts): void {
    this.#gauge('felix_active_local_endpoints', 'Endpoints of this node.', () => counts().localEndpoints)
    this.#gauge(
      'felix_active_local_policies',
      'Policies that apply to endpoints of this node.',
      () => counts().activePolicies,
    )
    this.#gauge(
      'felix_active_local_selectors',
      'Sets of addresses that rules of this node use.',
      () => counts().activeSets,
    )
    this.#gauge('felix_cluster_num_hosts', 'Nodes in the cluster.', () => counts().cluster.nodes)
    this.#gauge('felix_cluster_num_host_endpoints', 'Host endpoints in the cluster.', () => counts().cluster.hosts)
    this.#gauge(
      'felix_cluster_num_workload_endpoints',
      'Workload endpoints in the cluster.',
      () => counts().cluster.workloads,
    )
    this.#gauge('felix_cluster_num_policies', 'Policies in the cluster.', () => counts().cluster.policies)
    this.#gauge('felix_cluster_num_profiles', 'Profiles in the cluster.', () => counts().cluster.profiles)
    this.#gauge(
      'felix_label_index_num_endpoints',
      'Endpoints and network sets whose labels are indexed.',
      () => counts().labels.items,
    )
    const selectors = new Gauge({
      name: 'felix_label_index_num_active_selectors',
      help: 'Selectors that are followed; optimized: only items with a certain label are looked at.',
      labelNames: ['optimized'],
      registers: [this.registry],
      collect: () => {
        const { restricted, unrestricted } = counts().labels
        selectors.set({ optimized: 'true' }, restricted)
        selectors.set({ optimized: 'false' }, unrestricted)
      },
    })
    this.#gauge('felix_cluster_num_tiers', 'Tiers in the cluster.', () => counts().cluster.tiers)
  }

  /** Shows how many things a person should mend. */
  watchProblems(count: () => number): void {
    this.#gauge('felix_host_problems', 'Problems of this host that calicoctl node status lists.', count)
  }

  /** `/metrics` for the HTTP server. */
  routes(): Routes {
    const { registry } = this
    return { '/metrics': async () => ({ status: 200, body: await registry.metrics(), type: registry.contentType }) }
  }
}
