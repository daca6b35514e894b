/**
 * Felix, wired together.
 *
 * ```
 *   etcd ──list+watch──> runFelixSyncer ──messages──┬──> Dataplane ──> Kernel ──> rules, sets, routes, sysctls
 *    ^                   (decode, calculate)        │      ^    │
 *    │                                              │      │    └─ endpoint states ─┐
 *    │                      links, hints of drift ──┼──────┘                        │
 *    └───────────── FelixStatus <───────────────────┴───────────────────────────────┘
 *                   (node and endpoint status, files)          Health, FelixMetrics ──> HTTP
 * ```
 * Nothing but wiring belongs here. A part that fails for good ends the agent, and the supervisor starts it again; the kernel
 * stays as it is in every case.
 */
import { backoffMs, findLogLevel, type Logger, type LogLevel, sleep } from '@calico-node/core'
import { type KvStore, openEtcd, parseConnection } from '@calico-node/datastore'
import type { CalcMessage } from './calc/messages.ts'
import type { ConfigLayer } from './config/layers.ts'
import type { FelixConfig } from './config/params.ts'
import { resolveFelixConfig } from './config/resolve.ts'
import { RESTART_EXIT_STATUS } from './config/watch.ts'
import { createDataplane } from './dataplane/create.ts'
import type { Dataplane } from './dataplane/loop.ts'
import { findOwnNodeName } from './node-name.ts'
import { FelixStatus } from './status/felix-status.ts'
import { Health } from './status/health.ts'
import { healthRoutes, type Listen, type Routes, serveHttp } from './status/http-server.ts'
import { FelixMetrics } from './status/metrics.ts'
import { Problems } from './status/problems.ts'
import { loadFelixConfig } from './sync/bootstrap.ts'
import { runFelixSyncer } from './sync/felix-syncer.ts'

export interface AgentOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Environment and file, highest precedence first. */
  readonly localLayers: readonly ConfigLayer[]
  readonly log: Logger
  readonly setLogLevel: (level: LogLevel | 'none') => void
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
const FOREVER_MS = 2 ** 31 - 1

/** Runs until `signal` aborts or Felix has to start again. @returns The exit status. */
export async function runAgent({ env, localLayers, log, setLogLevel, signal: outer }: AgentOptions): Promise<number> {
  const local = resolveFelixConfig(localLayers).config
  const node = findOwnNodeName({ parameter: local.FelixHostname, env })
  const store = openEtcd(parseConnection({ env: withFile(env, localLayers), felix: true }), log)
  const stop = new AbortController()
  const signal = AbortSignal.any([outer, stop.signal])
  const health = new Health()
  health.register(STARTUP)
  const serving: Promise<void>[] = []
  const serve = (routes: Routes, at: Listen): void => {
    serving.push(serveUntil(signal, routes, at, log))
  }
  log.info('Felix starts', { node })
  try {
    if (local.HealthEnabled) serve(healthRoutes(health), { host: local.HealthHost, port: local.HealthPort })
    const config = await loadFelixConfig({ store, node, localLayers, log, signal })
    if (config === undefined) return 0
    const {
      HealthEnabled,
      HealthHost,
      HealthPort,
      PrometheusMetricsEnabled,
      PrometheusMetricsHost,
      PrometheusMetricsPort,
    } = config
    if (HealthEnabled && !local.HealthEnabled) serve(healthRoutes(health), { host: HealthHost, port: HealthPort })
    const metrics = new FelixMetrics({ node, processMetrics: config.PrometheusProcessMetricsEnabled })
    if (PrometheusMetricsEnabled) serve(metrics.routes(), { host: PrometheusMetricsHost, port: PrometheusMetricsPort })
    const mtuFile = env['CALICO_MTU_FILE'] ?? MTU_FILE
    return await runParts({ store, node, config, localLayers, health, metrics, log, setLogLevel, mtuFile }, signal)
  } finally {
    stop.abort()
    await Promise.all(serving)
    store.close()
  }
}

interface Parts {
  readonly store: KvStore
  readonly node: ReturnType<typeof findOwnNodeName>
  readonly config: FelixConfig
  readonly localLayers: readonly ConfigLayer[]
  readonly health: Health
  readonly metrics: FelixMetrics
  readonly log: Logger
  readonly setLogLevel: (level: LogLevel | 'none') => void
  readonly mtuFile: string
}

async function runParts(
  { store, node, config, localLayers, health, metrics, log, setLogLevel, mtuFile }: Parts,
  outer: AbortSignal,
): Promise<number> {
  const stop = new AbortController()
  const signal = AbortSignal.any([outer, stop.signal])
  const problems = new Problems({ log })
  const status = new FelixStatus({ store, node, config, log })
  const dataplane = await createDataplane({ config, status, metrics, problems, log, mtuFile })
  health.report(STARTUP.name, { live: true, ready: true })
  const heart = watchLoop(dataplane, { health, problems, config })

  const deliver = (messages: readonly CalcMessage[]): void => {
    for (const message of messages) {
      if (message.kind !== 'config.update') continue
      setLogLevel(findLogLevel(message.config.LogSeverityScreen) ?? 'info')
      health.setTimeouts(message.config.HealthTimeoutOverrides)
    }
    status.onMessages(messages)
    dataplane.onMessages(messages)
  }
  const syncer = runFelixSyncer({ store, node, config, localLayers, deliver, health, metrics, log, signal })
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

/** Rejects when one of the parts fails; otherwise it lasts as long as they do, which is until the agent stops. */
async function endlessly(parts: readonly Promise<void>[]): Promise<{ kind: 'stopped' }> {
  await Promise.all(parts)
  return { kind: 'stopped' }
}

interface LoopWatch {
  readonly health: Health
  readonly problems: Problems
  readonly config: FelixConfig
}

/** A pass that takes too long is dead; a driver of which nothing is known to stand makes the node unready. */
function watchLoop(dataplane: Dataplane, { health, problems, config }: LoopWatch): NodeJS.Timeout {
  const timeoutMs = Math.max(20_000, config.DataplaneWatchdogTimeout)
  health.register({ name: LOOP, timeoutMs })
  const report = (): void => {
    const { inSync, busyMs, failures } = dataplane.health()
    const broken = failures.filter(({ parts }) => parts === undefined)
    health.report(LOOP, {
      live: busyMs < timeoutMs,
      ready: inSync && broken.length === 0,
      detail: failures.map(({ what, reason }) => `${what}: ${reason}`).join('; '),
    })
    problems.recordAll(
      FAILURE,
      new Map(failures.map(({ what, reason }) => [`${FAILURE}${what}`, `${what}: ${reason}`])),
    )
  }
  return setInterval(report, HEARTBEAT_MS)
}

/** Serves until `signal` aborts. A port that is taken is no reason to leave workloads without a network: it is asked for again. */
async function serveUntil(signal: AbortSignal, routes: Routes, at: Listen, log: Logger): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      const server = await serveHttp(routes, at)
      await sleep(FOREVER_MS, signal)
      return await server.close()
    } catch (err) {
      if (attempt === 0) log.error('Cannot serve over HTTP, will retry', { ...at, err })
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
