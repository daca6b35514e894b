/**
 * Tells the cluster that Felix lives on this node: a key that expires unless it is written again, and one that stays
 * and says when that was last so. Status is best effort: a failed write is logged and made up for by the next one.
 */
import { type Logger, rfc3339, sleep } from '@calico-node/core'
import type { KvStore } from '@calico-node/datastore'
import { felixLastReportedStatusKey, felixStatusKey, type NodeName } from '@calico-node/model'
import type { FelixConfig } from '../config/params.ts'

const WRITE_TIMEOUT_MS = 2000
const NEVER_MS = 3_600_000

/** Nodes that started together would go on writing together. */
const spread = (intervalMs: number): number => intervalMs * (1 + Math.random() / 10)

export interface ProcessStatusOptions {
  readonly store: KvStore
  readonly node: NodeName
  readonly config: FelixConfig
  readonly log: Logger
  /** Before the first write, so that a Felix that dies at once does not count as alive. Default 10 000. */
  readonly firstDelayMs?: number
}

export class ProcessStatus {
  readonly #options: ProcessStatusOptions
  #config: FelixConfig
  #reconfigured = new AbortController()
  #firstUpdate = true
  #failing = false

  constructor(options: ProcessStatusOptions) {
    this.#options = options
    this.#config = options.config
  }

  /** Takes a new interval and time to live into account at once. */
  setConfig(config: FelixConfig): void {
    const same =
      config.ReportingInterval === this.#config.ReportingInterval && config.ReportingTTL === this.#config.ReportingTTL
    this.#config = config
    if (same) return
    this.#reconfigured.abort()
    this.#reconfigured = new AbortController()
  }

  /** Writes until `signal` aborts. The keys stay; the first one expires. */
  async run(signal: AbortSignal): Promise<void> {
    await sleep(this.#options.firstDelayMs ?? 10_000, signal)
    while (!signal.aborted) {
      const { ReportingInterval: intervalMs } = this.#config
      const changed = AbortSignal.any([signal, this.#reconfigured.signal])
      while (!changed.aborted) {
        if (intervalMs > 0) await this.#write()
        await sleep(spread(intervalMs) || NEVER_MS, changed)
      }
    }
  }

  async #write(): Promise<void> {
    const { store, node, log } = this.#options
    const value = JSON.stringify({
      time: rfc3339(new Date()),
      uptime: process.uptime(),
      first_update: this.#firstUpdate,
    })
    const { ReportingTTL, OpenstackRegion: region } = this.#config
    const ttlSeconds = Math.ceil(ReportingTTL / 1000)
    try {
      await store.put(felixStatusKey(node, region), value, { ttlSeconds, timeoutMs: WRITE_TIMEOUT_MS })
      await store.put(felixLastReportedStatusKey(node, region), value, { timeoutMs: WRITE_TIMEOUT_MS })
      if (this.#failing) log.info('Status of this node is reported again')
      this.#firstUpdate = false
      this.#failing = false
    } catch (err) {
      if (!this.#failing) log.warn('Status of this node could not be reported, will retry', { err })
      this.#failing = true
    }
  }
}
