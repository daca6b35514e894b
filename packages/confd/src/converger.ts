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
import type { DaemonState } from './status-file.ts'

/** How one daemon stands after an attempt. */
export interface Convergence {
  readonly name: string
  readonly state: DaemonState
  /** Of the last configuration that could be rendered. */
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
  #level: LogLevel | 'none' | undefined
  readonly #daemons = new Map<string, BirdDaemon>()
  readonly #problems = new Map<string, readonly Problem[]>()
  /** What was said last about a daemon that does not converge, so that repetition stays silent. */
  readonly #said = new Map<string, string>()

  constructor({ config, surroundings, log, setLogLevel }: ConvergerOptions) {
    this.#config = config
    this.#surroundings = surroundings
    this.#log = log
    this.#setLogLevel = setLogLevel
  }

  /** One attempt for every daemon. A failure of one is its own: the others go on. */
  async converge(facts: Facts, templates: Templates): Promise<readonly Convergence[]> {
    return Promise.all(templates.manifest.daemons.map((daemon) => this.#convergeOne(daemon, facts, templates)))
  }

  async #convergeOne(manifest: DaemonManifest, facts: Facts, templates: Templates): Promise<Convergence> {
    const { name } = manifest
    const state = await this.#attempt(manifest, facts, templates).catch((err: unknown) => {
      if (!(err instanceof CalicoError)) throw err
      this.#sayOnce(name, messageOf(err), () =>
        this.#log.error('Configuration not applied, the last good one stays', { daemon: name, err }),
      )
      return 'failed' as const
    })
    return { name, state, problems: this.#problems.get(name) ?? [] }
  }

  async #attempt(manifest: DaemonManifest, facts: Facts, templates: Templates): Promise<DaemonState> {
    const { name } = manifest
    const daemon = this.#daemonOf(manifest)
    const rendered = await renderChecked(
      { templates, daemon: manifest, facts, surroundings: this.#surroundings },
      daemon,
    )
    if (rendered.kind === 'not-ready') {
      const { reason } = rendered
      this.#sayOnce(name, reason, () => this.#log.info('Configuration not rendered yet', { daemon: name, reason }))
      return 'not-rendered'
    }
    if (rendered.kind === 'refused') throw new CalicoError('INVALID', `Cannot use the templates: ${rendered.message}`)
    this.#problems.set(name, rendered.problems)
    this.#followSeverity(rendered.logSeverity)
    const outcome = await daemon.apply(rendered)
    this.#said.delete(name)
    return outcome
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
    if (level === undefined || level === this.#level) return
    this.#log.info('Log level follows the configuration', { severity: level })
    this.#setLogLevel(level)
    this.#level = level
  }

  #sayOnce(name: string, text: string, say: () => void): void {
    if (this.#said.get(name) !== text) say()
    this.#said.set(name, text)
  }
}
