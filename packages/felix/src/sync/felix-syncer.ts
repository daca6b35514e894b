/**
 * From the store to the data plane: follows every resource that matters, decodes and checks it, lets the graph work out
 * what that means for this host, and hands on the messages.
 *
 * Invariants: nothing is handed on before the first complete snapshot; a lost connection to the store changes nothing;
 * a value that is invalid counts as missing and is told once. It runs until a change needs a new start of Felix.
 */
import { assertNever, type Logger } from '@calico-node/core'
import { type KeyUpdate, type KvStore, sync } from '@calico-node/datastore'
import type { NodeName } from '@calico-node/model'
import { CalcGraph } from '../calc/graph.ts'
import type { Input } from '../calc/inputs.ts'
import type { CalcMessage } from '../calc/messages.ts'
import { GRAPH_PREFIXES } from '../calc/sources.ts'
import { ValidationFilter, type Verdict } from '../calc/validation-filter.ts'
import type { ConfigLayer } from '../config/layers.ts'
import type { FelixConfig } from '../config/params.ts'
import type { ConfigProblem } from '../config/resolve.ts'
import { ConfigWatcher } from '../config/watch.ts'
import type { Health } from '../status/health.ts'
import { type FelixMetrics, RESYNC_STATE } from '../status/metrics.ts'
import type { Problems } from '../status/problems.ts'
import { BlockFollower } from './block-follower.ts'
import { faultText } from './fault-text.ts'
import { CLUSTER_KEY, CONFIG_PREFIXES, type ConfigSource, configSources, isDatastoreReady } from './stored-config.ts'

export interface FelixSyncerOptions {
  readonly store: KvStore
  readonly node: NodeName
  /** What Felix runs with, and the layers of it that are not in the store. */
  readonly config: FelixConfig
  readonly localLayers: readonly ConfigLayer[]
  /** Takes messages in the order in which they may be applied. Must not throw. */
  readonly deliver: (messages: readonly CalcMessage[]) => void
  readonly health: Health
  readonly metrics: FelixMetrics
  readonly problems: Problems
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Why the syncer ended. */
export type SyncerEnd =
  | { readonly kind: 'stopped' }
  /** Felix must start again: leave the kernel as it is and exit with status 129. */
  | { readonly kind: 'restart'; readonly reason: string }

/** Follows the store until `signal` aborts or Felix has to start again. Losing the store is no reason to end. */
export async function runFelixSyncer(options: FelixSyncerOptions): Promise<SyncerEnd> {
  const syncer = new FelixSyncer(options)
  const heart = setInterval(() => syncer.reportHealth(), HEARTBEAT_MS)
  try {
    return await syncer.run()
  } finally {
    clearInterval(heart)
  }
}

const HEALTH_PART = { name: 'CalculationGraph', timeoutMs: 30_000 }
const HEARTBEAT_MS = 10_000
/** Ids of problems. */
const AWAY = 'datastore'
const REFUSED = 'parameters refused'
const PARAMETER = 'parameter '

class FelixSyncer {
  readonly #options: FelixSyncerOptions
  readonly #graph: CalcGraph
  readonly #filter: ValidationFilter
  readonly #config: ConfigWatcher
  readonly #sources: ReadonlyMap<string, ConfigSource>
  readonly #blocks: BlockFollower
  readonly #end = Promise.withResolvers<SyncerEnd>()
  /** Facts that came before the first snapshot was complete; it is worked out as a whole. */
  readonly #snapshot: Input[] = []
  readonly #startedAt = performance.now()
  #connected = false
  #inSync = false
  #ready = false
  /** Why the parameters in the store are not in force; empty when they are. */
  #refused = ''

  constructor(options: FelixSyncerOptions) {
    const { store, node, config, localLayers, health, metrics, log } = options
    this.#options = options
    this.#graph = new CalcGraph(node)
    this.#graph.setConfig(config)
    this.#filter = new ValidationFilter({ allowSpoofing: config.WorkloadSourceSpoofing === 'Any' })
    this.#config = new ConfigWatcher(localLayers, config)
    this.#sources = new Map(configSources(node).map((source) => [source.key, source]))
    this.#blocks = new BlockFollower({
      store,
      log,
      onUpdates: (updates) => this.#takeInBlocks(updates),
      onListed: () => this.#handOn(),
    })
    health.register(HEALTH_PART)
    metrics.watchGraph(() => this.#graph.counts())
  }

  reportHealth(): void {
    const { health, metrics } = this.#options
    const detail = this.#connected
      ? ''
      : this.#inSync
        ? 'the datastore is away, the last state stands'
        : 'waiting for the datastore'
    health.report(HEALTH_PART.name, { live: true, ready: this.#inSync, detail })
    metrics.resyncState.set(
      !this.#connected ? RESYNC_STATE.waiting : this.#inSync ? RESYNC_STATE.inSync : RESYNC_STATE.resync,
    )
  }

  async run(): Promise<SyncerEnd> {
    const { signal: outer, metrics } = this.#options
    metrics.resyncsStarted.inc()
    const stop = new AbortController()
    const signal = AbortSignal.any([outer, stop.signal])
    const both = Promise.all([this.#follow(signal), this.#blocks.run(signal)])
    try {
      return await Promise.race([this.#end.promise, both.then((): SyncerEnd => ({ kind: 'stopped' }))])
    } finally {
      stop.abort()
      await both
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, log } = this.#options
    for await (const event of sync(store, [...GRAPH_PREFIXES, ...CONFIG_PREFIXES], {
      log,
      signal,
      landmark: CLUSTER_KEY,
    })) {
      switch (event.kind) {
        case 'connection':
          this.#setConnected(event.connected, event.reason)
          break
        case 'in-sync':
          this.#takeInSnapshot()
          break
        case 'updates':
          this.#takeIn(event.updates)
          break
        default:
          assertNever(event)
      }
      this.reportHealth()
      this.#handOn()
    }
  }

  /** Once, when all of it has been read. */
  #takeInSnapshot(): void {
    const { log } = this.#options
    const read = performance.now()
    log.info('Read the datastore', { facts: this.#snapshot.length, tookMs: Math.round(read - this.#startedAt) })
    this.#graph.update(this.#snapshot.splice(0))
    this.#inSync = true
    const { localEndpoints, activePolicies, activeSets } = this.#graph.counts()
    const tookMs = Math.round(performance.now() - read)
    log.info('Worked out what concerns this host', { localEndpoints, activePolicies, activeSets, tookMs })
  }

  /** The log hears of it from whoever connects. */
  #setConnected(connected: boolean, reason = ''): void {
    const { problems } = this.#options
    this.#connected = connected
    if (connected) problems.clear(AWAY)
    else problems.record(AWAY, `The datastore is away, what it said last stays in force: ${reason}`)
  }

  #takeIn(updates: readonly KeyUpdate[]): void {
    const { metrics } = this.#options
    const done = metrics.updateSeconds.startTimer()
    for (const update of updates) this.#takeInConfig(update)
    const { inputs, verdicts } = this.#filter.filter(updates)
    for (const verdict of verdicts) this.#tell(verdict)
    if (this.#inSync) this.#graph.update(inputs)
    else for (const input of inputs) this.#snapshot.push(input)
    for (const { kind } of inputs) metrics.updatesProcessed.inc({ type: kind })
    metrics.invalidResources.set(this.#filter.faultCount)
    done()
  }

  #takeInBlocks(updates: readonly KeyUpdate[]): void {
    this.#takeIn(updates)
    this.#handOn()
  }

  #takeInConfig({ key, kv }: KeyUpdate): void {
    if (key === CLUSTER_KEY) this.#ready = isDatastoreReady(kv?.value)
    const source = this.#sources.get(key)
    if (source === undefined) return
    try {
      this.#config.set(source.place, kv && source.read(kv.value))
    } catch (err) {
      this.#options.log.warn('Configuration in the datastore is invalid and counts as missing', { key, err })
      this.#config.set(source.place, undefined)
    }
  }

  #tell({ key, fault }: Verdict): void {
    const { problems, log } = this.#options
    if (fault === undefined) problems.clear(`resource ${key}`)
    else problems.record(`resource ${key}`, faultText(key, fault))
    if (fault === undefined) log.info('Resource is valid again', { key })
    else if (fault.kind === 'invalid')
      log.warn('Resource is invalid and counts as missing', { key, reason: fault.reason })
    else log.warn('Resource has rules without effect', { key, reason: fault.reason })
  }

  /** Hands on what changed, once it is all there, unless the change asks for a new start. */
  #handOn(): void {
    if (!this.#inSync) return
    const reason = this.#reasonToRestart()
    if (reason !== undefined) return this.#end.resolve({ kind: 'restart', reason })
    this.#followBlocks()
    if (!this.#blocks.isComplete) return // half of the blocks would read as the other half gone
    const { deliver, metrics } = this.#options
    const messages = this.#graph.flush()
    metrics.outputEvents.inc(messages.length)
    if (messages.length > 0) deliver(messages)
  }

  #followBlocks(): void {
    const isWanted = this.#graph.needsBlocks
    this.#blocks.want(isWanted)
    if (isWanted) return
    const gone = [...this.#graph.blockKeys].map((key) => ({ key, kv: undefined }))
    if (gone.length > 0) this.#takeIn(gone)
  }

  /** Takes note of changed parameters. */
  #reasonToRestart(): string | undefined {
    const { log, problems } = this.#options
    if (!this.#ready) return 'ClusterInformation no longer says datastoreReady'
    const change = this.#config.check()
    problems.recordAll(PARAMETER, parameterProblems(this.#config.warnings))
    if (change.kind === 'refused') problems.record(REFUSED, `New parameters are refused: ${change.reason}`)
    else problems.clear(REFUSED)
    switch (change.kind) {
      case 'restart':
        return `parameters changed: ${change.changed.join(', ')}`
      case 'live':
        log.info('Parameters changed', { changed: change.changed })
        this.#graph.setConfig(change.config)
        break
      case 'refused':
        if (change.reason !== this.#refused)
          log.error('New parameters are refused, the old ones stay', { reason: change.reason })
        break
      case 'none':
        break
      default:
        assertNever(change)
    }
    this.#refused = change.kind === 'refused' ? change.reason : ''
    return undefined
  }
}

const parameterProblems = (warnings: readonly ConfigProblem[]): ReadonlyMap<string, string> =>
  new Map(
    warnings.map(({ parameter, source, value, reason }) => [
      `${PARAMETER}${parameter}`,
      `${parameter}=${value} (${source}) is invalid, its default is used: ${reason}`,
    ]),
  )
