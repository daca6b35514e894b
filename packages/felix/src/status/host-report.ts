/**
 * Keeps the report of this host current: in a file for `calicoctl node status`, which thus works without the store and
 * without rights in it, and under a key for everybody else.
 *
 * The file changes at once. The store waits a random moment, because a mistake in the cluster's resources shows on all
 * nodes at the same time. Both are written anew now and then, which mends what somebody removed. Problems outlive a
 * restart of Felix in the file, so that one that still stands keeps the time since when.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { backoffMs, type Logger, messageOf, rfc3339, sleep } from '@calico-node/core'
import type { KvStore } from '@calico-node/datastore'
import {
  decodeHostReport,
  encodeHostReport,
  HOST_REPORT_REFRESH_MS,
  type HostReport,
  hostReportKey,
  type NodeName,
} from '@calico-node/model'
import { failsafePorts } from '../config/param-types.ts'
import type { FelixConfig } from '../config/params.ts'
import type { Health } from './health.ts'
import type { Problems } from './problems.ts'

const CHECK_MS = 1000
const WRITE_TIMEOUT_MS = 2000
/** Of a list that is to be read by people. */
const MOST_PROBLEMS = 20

export interface HostReporterOptions {
  readonly store: KvStore
  readonly node: NodeName
  readonly config: FelixConfig
  /** Undefined = none. */
  readonly file: string | undefined
  readonly problems: Problems
  readonly health: Health
  readonly log: Logger
  /** Largest time that the store waits for a change, in milliseconds. Default 5 000. */
  readonly spreadMs?: number
}

/** What only the data plane knows. */
export interface ReportedDataplane {
  readonly iptables: HostReport['iptables']
  /** How large packets of workloads may be; undefined until it is known, and where Felix leaves routes to others. */
  workloadMtuBytes(): number | undefined
}

/** A place where the report stands. */
interface Copy {
  content: string
  writtenAt: number
  dueAt: number | undefined
}

export class HostReporter {
  readonly #options: HostReporterOptions
  #config: FelixConfig
  readonly #started = rfc3339(new Date())
  #dataplane: ReportedDataplane | undefined
  readonly #inFile: Copy = { content: '', writtenAt: -Infinity, dueAt: undefined }
  readonly #inStore: Copy = { content: '', writtenAt: -Infinity, dueAt: undefined }
  #fileProblem = ''
  #failures = 0

  constructor(options: HostReporterOptions) {
    this.#options = options
    this.#config = options.config
  }

  setConfig(config: FelixConfig): void {
    this.#config = config
  }

  setDataplane(dataplane: ReportedDataplane): void {
    this.#dataplane = dataplane
  }

  /** Reports until `signal` aborts. Never throws; what was written stays. */
  async run(signal: AbortSignal): Promise<void> {
    const { spreadMs = 5000 } = this.#options
    this.#recall()
    while (!signal.aborted) {
      const now = performance.now()
      const content = this.#content()
      if (isStale(this.#inFile, content, now)) this.#writeFile(content, now)
      if (isStale(this.#inStore, content, now)) this.#inStore.dueAt ??= now + spreadMs * Math.random()
      if (this.#inStore.dueAt !== undefined && now >= this.#inStore.dueAt) await this.#writeStore(content, now)
      await sleep(CHECK_MS, signal)
    }
  }

  /** All but the time of writing. */
  #content(): string {
    const { node, problems, health } = this.#options
    const { FailsafeInboundHostPorts: inbound, FailsafeOutboundHostPorts: outbound } = this.#config
    const mtuBytes = this.#dataplane?.workloadMtuBytes()
    const list = problems.list()
    return encodeHostReport({
      node,
      time: '',
      started: this.#started,
      version: process.env['CALICO_BUILD_VERSION'] ?? 'unbundled',
      ready: health.summary().ready,
      ...(mtuBytes !== undefined && { mtuBytes }),
      ...(this.#dataplane?.iptables && { iptables: this.#dataplane.iptables }),
      failsafe: { inbound: texts(inbound), outbound: texts(outbound) },
      problems: list.slice(0, MOST_PROBLEMS),
      unlisted: Math.max(0, list.length - MOST_PROBLEMS),
    })
  }

  #recall(): void {
    const { file, problems } = this.#options
    if (file === undefined) return
    try {
      problems.recall(decodeHostReport(readFileSync(file, 'utf8'), file).problems)
    } catch {
      // none, or of another version: everything is new then
    }
  }

  #writeFile(content: string, now: number): void {
    const { file, log } = this.#options
    if (file === undefined) return
    try {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(`${file}.new`, `${stamped(content)}\n`)
      renameSync(`${file}.new`, file)
      settle(this.#inFile, content, now)
      this.#fileProblem = ''
    } catch (err) {
      if (messageOf(err) !== this.#fileProblem) log.warn('The report of this host could not be written', { file, err })
      this.#fileProblem = messageOf(err)
    }
  }

  /** The store that is away is told of elsewhere. */
  async #writeStore(content: string, now: number): Promise<void> {
    const { store, node, log } = this.#options
    try {
      await store.put(hostReportKey(node), stamped(content), { timeoutMs: WRITE_TIMEOUT_MS })
      settle(this.#inStore, content, now)
      this.#failures = 0
    } catch (err) {
      log.debug('The report of this host could not be stored, will retry', { err })
      this.#inStore.dueAt = now + CHECK_MS + backoffMs(this.#failures++, { baseMs: CHECK_MS })
    }
  }
}

const texts = (ports: FelixConfig['FailsafeInboundHostPorts']): string[] =>
  ports.map((port) => failsafePorts.print([port]))

const isStale = ({ content, writtenAt }: Copy, wanted: string, now: number): boolean =>
  content !== wanted || now - writtenAt >= HOST_REPORT_REFRESH_MS

function settle(copy: Copy, content: string, now: number): void {
  copy.content = content
  copy.writtenAt = now
  copy.dueAt = undefined
}

const stamped = (content: string): string => content.replace('"time":""', `"time":"${rfc3339(new Date())}"`)
