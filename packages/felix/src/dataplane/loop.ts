/**
 * The loop of the dataplane: facts come in, one pass at a time goes out.
 *
 * ```
 * messages of the graph ─┬─> managers remember ──> (gate) ──> ops ──> Kernel.apply ──> endpoint states
 * link events ───────────┘                           ^    one pass; what arrives meanwhile makes the next one
 * timers, hints of drift ────────────────────────────┘
 * ```
 * Nothing waits when nothing is going on: the first event starts a pass at once, and only what arrives during a pass is
 * batched, into the next. There is no fixed throttle.
 *
 * The gate: no kernel object is touched before the first complete snapshot of the datastore and the first complete dump of the
 * interfaces, because half a picture would cut off the other half. After that, losing the datastore changes nothing, and
 * ending the process leaves everything as it stands.
 */
import type { Logger } from '@calico-node/core'
import type { LinkEvent, LinkMonitor, RuleHint } from '@calico-node/linux'
import type { CalcMessage, DataplaneStatusSink } from '../calc/messages.ts'
import type { Kernel } from './kernel.ts'
import type { Manager } from './managers/manager.ts'
import type { FelixMetrics } from '../status/metrics.ts'
import type { DataplaneOp } from './ops.ts'
import type { ResyncSchedule } from './resync.ts'
import type { Failure } from './supervised.ts'
import { Wakeup } from './wakeup.ts'

export interface DataplaneOptions {
  readonly kernel: Kernel
  readonly managers: readonly Manager[]
  /** What stands whatever the resources say; goes out with the first pass. */
  readonly base: readonly DataplaneOp[]
  readonly resync: ResyncSchedule
  readonly links: LinkMonitor
  /** What follows changes of rules by others, where there is such a thing. */
  readonly ruleHints: (signal: AbortSignal) => AsyncIterable<RuleHint>
  readonly status: DataplaneStatusSink
  readonly metrics: FelixMetrics
  readonly log: Logger
  /** Monotonic clock in milliseconds. */
  readonly now: () => number
}

export interface DataplaneHealth {
  /** The first pass that converged is done. */
  readonly inSync: boolean
  /** How long the pass that is running has been running, in milliseconds. */
  readonly busyMs: number
  /** What could not be applied. */
  readonly failures: readonly Failure[]
}

export class Dataplane {
  readonly #options: DataplaneOptions
  readonly #wakeup = new Wakeup()
  #waiting: DataplaneOp[]
  readonly #gate = { graph: false, links: false }
  #inSync = false
  #busySince: number | undefined
  #linkEvents = 0
  #addressEvents = 0

  constructor(options: DataplaneOptions) {
    this.#options = options
    this.#waiting = [...options.base]
  }

  /** Cheap; the work is done by `run`. */
  onMessages(messages: readonly CalcMessage[]): void {
    const { metrics } = this.#options
    metrics.dataplaneBatchSize.observe(messages.length)
    for (const message of messages) {
      metrics.dataplaneMessages.inc({ type: message.kind })
      if (message.kind === 'in-sync') this.#gate.graph = true
      for (const manager of this.#options.managers) manager.onMessage(message)
    }
    this.#wakeup.poke()
  }

  health(): DataplaneHealth {
    const { kernel, now } = this.#options
    const busyMs = this.#busySince === undefined ? 0 : now() - this.#busySince
    return { inSync: this.#inSync, busyMs, failures: kernel.failures() }
  }

  /** Until `signal` aborts, or rejects when something fails that nobody can mend. */
  async run(signal: AbortSignal): Promise<void> {
    const { links, ruleHints } = this.#options
    await Promise.all([
      this.#loop(signal),
      this.#followLinks(links.events(signal)),
      this.#followHints(ruleHints(signal)),
    ])
  }

  async #followLinks(events: AsyncIterable<LinkEvent>): Promise<void> {
    for await (const event of events) this.#onLinkEvent(event)
  }

  #onLinkEvent(event: LinkEvent): void {
    if (event.kind === 'in-sync') this.#gate.links = true
    if (event.kind === 'routes-changed') this.#options.resync.hint('routes')
    if (event.kind === 'link') this.#linkEvents++
    if (event.kind === 'addresses') this.#addressEvents++
    for (const manager of this.#options.managers) manager.onLink?.(event)
    this.#wakeup.poke()
  }

  async #followHints(hints: AsyncIterable<RuleHint>): Promise<void> {
    for await (const hint of hints) {
      this.#options.kernel.hint(hint)
      this.#wakeup.poke()
    }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { kernel, resync } = this.#options
    signal.addEventListener('abort', () => this.#wakeup.poke(), { once: true })
    while (!signal.aborted) {
      await this.#wakeup.wait(this.#delayMs())
      if (signal.aborted || !this.#gate.graph || !this.#gate.links) continue
      for (const target of resync.takeDue()) kernel.queueResync(target)
      await this.#pass(signal)
    }
  }

  #observeBatches(): void {
    const { metrics } = this.#options
    if (this.#linkEvents > 0) metrics.interfaceBatchSize.observe(this.#linkEvents)
    if (this.#addressEvents > 0) metrics.addressBatchSize.observe(this.#addressEvents)
    this.#linkEvents = this.#addressEvents = 0
  }

  #delayMs(): number | undefined {
    if (!this.#gate.graph || !this.#gate.links) return undefined
    const { resync, kernel, managers } = this.#options
    const all = [resync.delayMs(), kernel.dueInMs(), ...managers.map((manager) => manager.dueInMs?.())]
    const wishes = all.filter((wish) => wish !== undefined)
    return wishes.length === 0 ? undefined : Math.min(...wishes)
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { kernel, managers, status, metrics, log, now } = this.#options
    const start = now()
    this.#busySince = start
    this.#observeBatches()
    for (const op of this.#waiting) kernel.accept(op)
    this.#waiting = []
    for (const manager of managers) for (const op of manager.takeOps()) kernel.accept(op)
    const outcome = await kernel.apply(signal)
    for (const manager of managers) manager.onPass?.(outcome, status)
    const tookMs = Math.round(now() - start)
    this.#busySince = undefined
    metrics.applySeconds.observe(tookMs / 1000)
    if (!outcome.complete) metrics.applyFailures.inc()
    log.debug('Pass over the kernel', { tookMs, complete: outcome.complete })
    if (this.#inSync || !outcome.complete) return
    this.#inSync = true
    log.info('Dataplane is in sync', { tookMs })
    status.dataplaneInSync()
  }
}
