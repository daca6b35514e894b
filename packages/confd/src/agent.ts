/**
 * The wiring of confd:
 *
 *     etcd --sync--> FactStore --+
 *     secrets, templates (files) +--> renderChecked (pure views, templates, bird -p) --> BirdDaemon (swap, configure, verify)
 *
 * One loop converges both daemons on the present facts, one run at a time. A change is acted upon at once; what arrives while
 * a run is under way is taken together by the next one. Nothing is rendered before the first complete snapshot, and a datastore
 * that is unreachable or was wiped changes nothing.
 */
import { join } from 'node:path'
import { backoffMs, messageOf, type Logger } from '@calico-node/core'
import { sync, type KvStore } from '@calico-node/datastore'
import { resourceKey } from '@calico-node/model'
import { watch } from 'chokidar'
import { Converger, type Convergence, type ConvergerOptions } from './converger.ts'
import { FactStore } from './facts/fact-store.ts'
import { readSecrets } from './facts/secrets.ts'
import { readPeeringWorkloads } from './facts/workload-files.ts'
import type { Problem } from './model/facts.ts'
import type { ConfdConfig } from './params.ts'
import { ProblemLog } from './problem-log.ts'
import { Templates } from './render/templates.ts'
import { StatusFile } from './status-file.ts'
import { readTemplateFiles } from './template-files.ts'
import { Wake } from './wake.ts'

/** How often the files of workloads are read even though no change of them was noticed. */
const WORKLOADS_POLL_MS = 30_000
/** What every datastore of Calico has, and one that was wiped has not. */
const CLUSTER_KEY = resourceKey('ClusterInformation', 'default')
/** How soon a daemon that does not run its configuration is tried again. */
const RETRY = { baseMs: 1000, capMs: 5000 } as const

export interface AgentOptions extends ConvergerOptions {
  readonly store: KvStore
}

export class Agent {
  readonly #config: ConfdConfig
  readonly #store: KvStore
  readonly #log: Logger
  readonly #facts: FactStore
  readonly #problems: ProblemLog
  readonly #converger: Converger
  readonly #status: StatusFile
  readonly #workloadFiles: string
  readonly #workloadsWake = new Wake()
  readonly #wake = new Wake()
  #templates: Templates
  #templateProblems: readonly Problem[] = []
  #inSync = false

  /** @throws INVALID when the templates cannot be read */
  constructor({ store, ...options }: AgentOptions) {
    const { config, surroundings, log } = options
    this.#config = config
    this.#store = store
    this.#log = log
    this.#facts = new FactStore(surroundings.node)
    this.#problems = new ProblemLog(log)
    this.#converger = new Converger(options)
    this.#status = new StatusFile(join(config.CALICO_BIRD_RUN_DIR, 'confd.json'))
    this.#templates = readTemplates(config, log)
    this.#facts.setSecrets(readSecrets(config.CALICO_SECRETS_DIR))
    this.#workloadFiles = join(config.CALICO_ENDPOINT_STATUS_PATH_PREFIX, 'endpoint-status')
    this.#facts.setWorkloads(readPeeringWorkloads(this.#workloadFiles))
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { CALICO_CONFD_TEMPLATES: templates, CALICO_SECRETS_DIR: secrets } = this.#config
    const files = watch([templates, secrets], { ignoreInitial: true })
    files.on('all', () => this.#rereadFiles())
    const workloads = watch(this.#workloadFiles, { ignoreInitial: true })
    workloads.on('all', () => this.#workloadsWake.raise())
    for (const watcher of [files, workloads])
      watcher.on('error', (err) => this.#log.warn('Changes of files are noticed late', { err }))
    try {
      await Promise.all([this.#follow(signal), this.#followWorkloads(signal), this.#converge(signal)])
    } finally {
      await Promise.all([files.close(), workloads.close()])
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const prefixes = this.#templates.manifest.watch.map((prefix) => prefix.replaceAll('{node}', this.#config.NODENAME))
    for await (const event of sync(this.#store, prefixes, { log: this.#log, signal, landmark: CLUSTER_KEY })) {
      if (event.kind === 'updates') this.#facts.apply(event.updates)
      if (event.kind === 'in-sync') this.#inSync = true
      if (event.kind !== 'connection') this.#wake.raise()
    }
  }

  async #converge(signal: AbortSignal): Promise<void> {
    const auditMs = this.#config.CALICO_CONFD_AUDIT_INTERVAL * 1000
    let failures = 0
    let delayMs = auditMs
    while (!signal.aborted) {
      await this.#wake.wait(Math.min(delayMs, this.#facts.dueInMs() ?? delayMs), signal)
      if (!this.#inSync || signal.aborted) continue
      const done = this.#report(await this.#converger.converge(this.#facts.facts(), this.#templates))
      delayMs = done ? auditMs : RETRY.baseMs / 2 + backoffMs(failures, RETRY)
      failures = done ? 0 : failures + 1
    }
  }

  /** @returns whether there is nothing to try again: every daemon runs what it should, or only new facts can help */
  #report(results: readonly Convergence[]): boolean {
    const problems = this.#problems.update([
      ...this.#facts.problems(),
      ...this.#templateProblems,
      ...results.flatMap((result) => result.problems),
    ])
    const daemons = Object.fromEntries(results.map(({ name, state }) => [name, state]))
    this.#status.write({ node: this.#config.NODENAME, role: this.#config.CALICO_NODE_ROLE, daemons, problems })
    return results.every(({ state }) => state === 'running' || state === 'not-rendered')
  }

  /** Many files may change at once, and few of them are of peers. */
  async #followWorkloads(signal: AbortSignal): Promise<void> {
    let known = ''
    while (!signal.aborted) {
      const workloads = readPeeringWorkloads(this.#workloadFiles)
      const text = JSON.stringify(workloads)
      if (text !== known) {
        this.#facts.setWorkloads(workloads)
        this.#wake.raise()
      }
      known = text
      await this.#workloadsWake.wait(WORKLOADS_POLL_MS, signal)
    }
  }

  /** A template that cannot be read leaves the ones before in use. */
  #rereadFiles(): void {
    this.#facts.setSecrets(readSecrets(this.#config.CALICO_SECRETS_DIR))
    try {
      this.#templates = readTemplates(this.#config, this.#log)
      this.#templateProblems = []
    } catch (err) {
      this.#templateProblems = [{ kind: 'Template', name: this.#config.CALICO_CONFD_TEMPLATES, reason: messageOf(err) }]
    }
    this.#wake.raise()
  }
}

function readTemplates(
  { CALICO_TEMPLATES: shipped, CALICO_CONFD_TEMPLATES: overrides }: ConfdConfig,
  log: Logger,
): Templates {
  const files = readTemplateFiles({ shipped, overrides })
  const own = [...files.values()].map(({ path }) => path).filter((path) => path.startsWith(`${overrides}/`))
  if (own.length > 0) log.info('Templates of the operator are in use', { files: own })
  return new Templates(files)
}
