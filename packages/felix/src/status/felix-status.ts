/**
 * What Felix tells others about itself and its endpoints, behind one interface: into the store, into files for local
 * programs, and to whoever asks over HTTP. None of it can stop or slow the data plane.
 */
import { type Logger, sleep } from '@calico-node/core'
import type { KvStore } from '@calico-node/datastore'
import {
  hostEndpointStatusKey,
  hostEndpointStatusPrefix,
  type NodeName,
  workloadStatusKey,
  workloadStatusPrefix,
} from '@calico-node/model'
import type { CalcMessage, DataplaneStatusSink, EndpointState, WorkloadId } from '../calc/messages.ts'
import type { FelixConfig } from '../config/params.ts'
import { EndpointFiles } from './endpoint-files.ts'
import { EndpointStatus } from './endpoint-status.ts'
import type { ProblemSink } from './problems.ts'
import { ProcessStatus } from './process-status.ts'

const FILES_CHECK_MS = 10_000

export interface FelixStatusOptions {
  readonly store: KvStore
  readonly node: NodeName
  readonly config: FelixConfig
  readonly problems: ProblemSink
  readonly log: Logger
}

export class FelixStatus implements DataplaneStatusSink {
  readonly #node: NodeName
  readonly #process: ProcessStatus
  readonly #endpoints: EndpointStatus | undefined
  readonly #files: EndpointFiles | undefined
  #config: FelixConfig

  constructor({ store, node, config, problems, log }: FelixStatusOptions) {
    this.#node = node
    this.#config = config
    this.#process = new ProcessStatus({ store, node, config, log })
    if (config.EndpointReportingEnabled) {
      const prefixes = [workloadStatusPrefix(node, config.OpenstackRegion), hostEndpointStatusPrefix(node)]
      this.#endpoints = new EndpointStatus({ store, prefixes, delayMs: () => this.#config.EndpointReportingDelay, log })
    }
    if (config.EndpointStatusPathPrefix !== '')
      this.#files = new EndpointFiles(config.EndpointStatusPathPrefix, problems)
  }

  /** What the data plane is about to program; the files need it. */
  onMessages(messages: Iterable<CalcMessage>): void {
    for (const message of messages) {
      if (message.kind === 'workload.update') this.#files?.setEndpoint(message.endpoint.id, message.endpoint)
      else if (message.kind === 'workload.remove') this.#files?.setEndpoint(message.id, undefined)
      else if (message.kind === 'config.update') this.#setConfig(message.config)
    }
  }

  workloadStatus(id: WorkloadId, state: EndpointState | undefined): void {
    this.#files?.setUp(id, state === 'up')
    this.#endpoints?.set(workloadStatusKey(this.#node, id, this.#config.OpenstackRegion), state)
  }

  hostEndpointStatus(name: string, state: EndpointState | undefined): void {
    this.#endpoints?.set(hostEndpointStatusKey(this.#node, name), state)
  }

  dataplaneInSync(): void {
    this.#files?.start()
    this.#endpoints?.start()
  }

  /** Reports until `signal` aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#process.run(signal), this.#endpoints?.run(signal), this.#checkFiles(signal)])
  }

  #setConfig(config: FelixConfig): void {
    this.#config = config
    this.#process.setConfig(config)
  }

  async #checkFiles(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(FILES_CHECK_MS, signal)
      this.#files?.reconcile()
    }
  }
}
