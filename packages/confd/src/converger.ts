import { join } from 'node:path'
import { BirdClient } from '@calico-node/birdc'
import { CalicoError, findLogLevel, messageOf, type Logger, type LogLevel } from '@calico-node/core'
import { BirdDaemon } from './install/bird-daemon.ts'
import { ConfigDirectory } from './install/config-directory.ts'
import type { Facts, Problem, Surroundings } from './model/facts.ts'
import type { ConfdConfig } from './params.ts'
import type { DaemonManifest } from './render/manifest.ts'
import type { Templates } from './render/templates.ts'
import { renderChecked } from './renderer.ts'

export interface Convergence {
  /** Every daemon runs what it should; otherwise try again. */
  readonly done: boolean
  readonly problems: readonly Problem[]
}

export interface ConvergerOptions {
  readonly config: ConfdConfig
  readonly surroundings: Surroundings
  readonly log: Logger
  readonly setLogLevel: (level: LogLevel | 'none') => void
}

/** Brings the daemons to run what the facts say. Not for concurrent use. */
export class Converger {
  readonly #config: ConfdConfig
  readonly #surroundings: Surroundings
  readonly #log: Logger
  readonly #setLogLevel: (level: LogLevel | 'none') => void
  readonly #daemons = new Map<string, BirdDaemon>()
  /** What was said last about a daemon that does not converge, so that repetition stays silent. */
  readonly #said = new Map<string, string>()

  constructor({ config, surroundings, log, setLogLevel }: ConvergerOptions) {
    this.#config = config
    this.#surroundings = surroundings
    this.#log = log
    this.#setLogLevel = setLogLevel
  }

  async converge(facts: Facts, templates: Templates): Promise<Convergence> {
    const results = await Promise.all(
      templates.manifest.daemons.map((daemon) => this.#convergeOne(daemon, facts, templates)),
    )
    return { done: results.every(({ done }) => done), problems: results.flatMap(({ problems }) => problems) }
  }

  /** A failure of one daemon is its own: the other goes on. */
  async #convergeOne(manifest: DaemonManifest, facts: Facts, templates: Templates): Promise<Convergence> {
    const daemon = this.#daemonOf(manifest)
    try {
      const rendered = await renderChecked(
        { templates, daemon: manifest, facts, surroundings: this.#surroundings },
        daemon,
      )
      if (rendered.kind === 'not-ready') {
        this.#sayOnce(manifest.name, rendered.reason, () =>
          this.#log.info('Configuration not rendered yet', { reason: rendered.reason }),
        )
        return { done: true, problems: [] } // only a change of facts can help
      }
      if (rendered.kind === 'refused') throw new CalicoError('INVALID', `Cannot use the templates: ${rendered.message}`)
      this.#followSeverity(rendered.logSeverity)
      const outcome = await daemon.apply(rendered)
      this.#said.delete(manifest.name)
      return { done: outcome === 'running', problems: rendered.problems }
    } catch (err) {
      if (!(err instanceof CalicoError)) throw err
      this.#sayOnce(manifest.name, messageOf(err), () =>
        this.#log.error('Configuration not applied, the last good one stays', { daemon: manifest.name, err }),
      )
      return { done: false, problems: [] }
    }
  }

  #daemonOf({ name, ...manifest }: DaemonManifest): BirdDaemon {
    const known = this.#daemons.get(name)
    if (known !== undefined) return known
    const daemon = new BirdDaemon({
      name,
      directory: new ConfigDirectory(this.#config.CALICO_CONFD_CONFIG_DIR, { name, ...manifest }),
      client: new BirdClient(join(this.#config.CALICO_BIRD_RUN_DIR, manifest.reload)),
      log: this.#log,
    })
    this.#daemons.set(name, daemon)
    return daemon
  }

  #followSeverity(severity: string): void {
    const level = this.#config.BGP_LOGSEVERITYSCREEN ?? findLogLevel(severity)
    if (level !== undefined) this.#setLogLevel(level)
  }

  #sayOnce(name: string, text: string, say: () => void): void {
    if (this.#said.get(name) !== text) say()
    this.#said.set(name, text)
  }
}
