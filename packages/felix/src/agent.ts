/**
 * Felix, wired together.
 *
 * ```
 *   etcd ──list+watch──> runFelixSyncer ──messages──┬──> Dataplane ──> Kernel ──> rules, sets, routes, sysctls
 *    ^                   (decode, calculate)        │      ^    │
 *    │                                              │      │    └─ endpoint states ─┐
 *    │                      links, hints of drift ──┼──────┘                        │
 *    ├───────────── FelixStatus <───────────────────┴───────────────────────────────┘
 *    │              (node and endpoint status, files)          Health, FelixMetrics ──> HTTP
 *    └───────────── HostReporter <── Problems <── all of them
 * ```
 * Nothing but wiring belongs here. A part that fails for good ends the agent, and the supervisor starts it again; the kernel
 * stays as it is in every case.
 */
import { join } from 'node:path'
import { backoffMs, findLogLevel, hasCode, type Logger, messageOf, type RootLogger, sleep } from '@calico-node/core'
import { type KvStore, openEtcd, parseConnection } from '@calico-node/datastore'
import { HOST_REPORT_FILE } from '@calico-node/model'
import type { CalcMessage } from './calc/messages.ts'
import type { ConfigLayer } from './config/layers.ts'
import type { FelixConfig } from './config/params.ts'
import { resolveFelixConfig } from './config/resolve.ts'
import { RESTART_EXIT_STATUS } from './config/watch.ts'
import { createDataplane, type CreatedDataplane, type DataplaneContext } from './dataplane/create.ts'
import { addLogTargets } from './log-targets.ts'
import { findOwnNodeName } from './node-name.ts'
import { FelixStatus } from './status/felix-status.ts'
import { Health } from './status/health.ts'
import { healthRoutes, type Listen, type Routes, serveHttp } from './status/http-server.ts'
import { HostReporter } from './status/host-report.ts'
import { FelixMetrics } from './status/metrics.ts'
import { Problems, type ProblemSink } from './status/problems.ts'
import { loadFelixConfig } from './sync/bootstrap.ts'
import { runFelixSyncer } from './sync/felix-syncer.ts'

export interface AgentOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Environment and file, highest precedence first. */
  readonly localLayers: readonly ConfigLayer[]
  readonly log: RootLogger
  readonly signal: AbortSignal
}

/** Changes of the configuration come in groups; so long their end is awaited. */
const RESTART_DELAY_MS = 2000
const STARTUP = { name: 'FelixStartup', timeoutMs: 0 }
const LOOP = 'InternalDataplaneMainLoop'
const HEARTBEAT_MS = 1000
/** What the ids of problems of the kernel begin with. */
const FAILURE = 'apply '
const MTU_FILE = '/var/lib/calico/mtu'
/** Where local tools look for the report of this host. */
const RUN_DIRECTORY = '/var/run/calico'
const UNUSABLE_HOST = 'host'
const CREATE_RETRY_MS = 5000
const FOREVER_MS = 2 ** 31 - 1

/** Runs until `signal` aborts or Felix has to start again. @returns The exit status. */
export async function runAgent({ env, localLayers, log, signal: outer }: AgentOptions): Promise<number> {
  const local = resolveFelixConfig(localLayers).config
  const node = findOwnNodeName({ parameter: local.FelixHostname, env })
  const store = openEtcd(parseConnection({ env: withFile(env, localLayers), felix: true }), log)
  const stop = new AbortController()
  const signal = AbortSignal.any([outer, stop.signal])
  const health = new Health()
  health.register(STARTUP)
  const problems = new Problems({ log })
  const reporter = new HostReporter({ store, node, config: local, file: reportFile(env), problems, health, log })
  const helpers: Promise<void>[] = [reporter.run(signal)]
  const serve = (what: string, routes: Routes, at: Listen): void => {
    helpers.push(serveUntil(signal, { what, routes, at, problems, log }))
  }
  log.info('Felix starts', { node })
  try {
    if (local.HealthEnabled) serve('health', healthRoutes(health), healthAddress(local))
    const config = await loadFelixConfig({ store, node, localLayers, problems, log, signal })
    if (config === undefined) return 0
    reporter.setConfig(config)
    addLogTargets(config, log, problems)
    if (config.HealthEnabled && !local.HealthEnabled) serve('health', healthRoutes(health), healthAddress(config))
    const metrics = new FelixMetrics({ node, processMetrics: config.PrometheusProcessMetricsEnabled })
    metrics.watchProblems(() => problems.list().length)
    if (config.PrometheusMetricsEnabled) {
      serve('metrics', metrics.routes(), { host: config.PrometheusMetricsHost, port: config.PrometheusMetricsPort })
    }
    const mtuFile = env['CALICO_MTU_FILE'] ?? MTU_FILE
    const parts = { store, node, config, localLayers, health, metrics, problems, reporter, log, mtuFile }
    return await runParts(parts, signal)
  } finally {
    stop.abort()
    await Promise.all(helpers)
    store.close()
  }
}

const healthAddress = ({ HealthHost: host, HealthPort: port }: FelixConfig): Listen => ({ host, port })

function reportFile(env: AgentOptions['env']): string | undefined {
  const directory = env['CALICO_BIRD_RUN_DIR'] ?? RUN_DIRECTORY
  return directory === '' ? undefined : join(directory, HOST_REPORT_FILE)
}

interface Parts {
  readonly store: KvStore
  readonly node: ReturnType<typeof findOwnNodeName>
  readonly config: FelixConfig
  readonly localLayers: readonly ConfigLayer[]
  readonly health: Health
  readonly metrics: FelixMetrics
  readonly problems: Problems
  readonly reporter: HostReporter
  readonly log: RootLogger
  readonly mtuFile: string
}

async function runParts(parts: Parts, outer: AbortSignal): Promise<number> {
  const { store, node, config, health, problems, reporter, log } = parts
  const stop = new AbortController()
  const signal = AbortSignal.any([outer, stop.signal])
  const status = new FelixStatus({ store, node, config, problems, log })
  const created = await untilCreated({ ...parts, status }, signal)
  if (created === undefined) return 0
  const { dataplane } = created
  reporter.setDataplane(created)
  health.report(STARTUP.name, { live: true, ready: true })
  const heart = watchLoop(created, parts)

  const deliver = (messages: readonly CalcMessage[]): void => {
    for (const message of messages) {
      if (message.kind !== 'config.update') continue
      log.setLevel(findLogLevel(message.config.LogSeverityScreen) ?? 'info')
      health.setTimeouts(message.config.HealthTimeoutOverrides)
    }
    status.onMessages(messages)
    dataplane.onMessages(messages)
  }
  const syncer = runFelixSyncer({ ...parts, deliver, signal })
  const others = [dataplane.run(signal), status.run(signal)]
  try {
    const end = await Promise.race([syncer, endlessly(others)])
    if (end.kind === 'stopped') return 0
    log.info('Felix will start again', { reason: end.reason })
    await sleep(RESTART_DELAY_MS, outer)
    return RESTART_EXIT_STATUS
  } finally {
    clearInterval(heart)
    stop.abort()
    await Promise.allSettled([syncer, ...others])
  }
}

/** A host that lacks a command is not helped by dying: says so and looks again. @returns undefined when `signal` aborted first */
async function untilCreated(
  context: DataplaneContext & Pick<Parts, 'health' | 'problems'>,
  signal: AbortSignal,
): Promise<CreatedDataplane | undefined> {
  const { health, problems } = context
  while (!signal.aborted) {
    try {
      const created = await createDataplane(context)
      problems.clear(UNUSABLE_HOST)
      return created
    } catch (err) {
      if (!hasCode(err, 'COMMAND_MISSING')) throw err
      problems.raise(UNUSABLE_HOST, messageOf(err))
      health.report(STARTUP.name, { live: true, ready: false, detail: messageOf(err) })
    }
    await sleep(CREATE_RETRY_MS, signal)
  }
  return undefined
}

/** Rejects when one of the parts fails; otherwise it lasts as long as they do, which is until the agent stops. */
async function endlessly(parts: readonly Promise<void>[]): Promise<{ kind: 'stopped' }> {
  await Promise.all(parts)
  return { kind: 'stopped' }
}

/** A pass that takes too long is dead; a driver of which nothing is known to stand makes the node unready. */
function watchLoop({ dataplane, iptables }: CreatedDataplane, { health, problems, config }: Parts): NodeJS.Timeout {
  const timeoutMs = Math.max(20_000, config.DataplaneWatchdogTimeout)
  health.register({ name: LOOP, timeoutMs })
  const report = (): void => {
    const { inSync, busyMs, failures } = dataplane.health()
    const broken = failures.filter(({ parts }) => parts === undefined)
    const texts = failures.map(({ what, reason }) => `${what}: ${reason}`)
    health.report(LOOP, {
      live: busyMs < timeoutMs,
      ready: inSync && broken.length === 0 && busyMs < timeoutMs,
      detail: [`iptables-${iptables.variant}`, ...texts].join('; '),
    })
    problems.recordAll(FAILURE, new Map(failures.map(({ what }, i) => [`${FAILURE}${what}`, texts[i] ?? ''])))
  }
  return setInterval(report, HEARTBEAT_MS)
}

interface Serving {
  /** For people. */
  readonly what: string
  readonly routes: Routes
  readonly at: Listen
  readonly problems: ProblemSink
  readonly log: Logger
}

/** Serves until `signal` aborts. A port that is taken is no reason to leave workloads without a network: it is asked for again. */
async function serveUntil(signal: AbortSignal, { what, routes, at, problems, log }: Serving): Promise<void> {
  const problem = `serve ${what}`
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const server = await serveHttp(routes, at)
      problems.clear(problem)
      log.info('Serving over HTTP', { what, host: at.host, port: server.port })
      await sleep(FOREVER_MS, signal)
      return await server.close()
    } catch (err) {
      problems.raise(problem, `Cannot serve ${what}: ${messageOf(err)}`)
      await sleep(backoffMs(attempt, { baseMs: 1000 }), signal)
    }
  }
}

/** The file may say where etcd is, in the words of the environment. */
function withFile(env: AgentOptions['env'], layers: readonly ConfigLayer[]): AgentOptions['env'] {
  const pairs = layers
    .toReversed()
    .flatMap(({ text }) => [...text].map(([name, value]) => [`FELIX_${name.toUpperCase()}`, value]))
  return { ...Object.fromEntries(pairs), ...env }
}
