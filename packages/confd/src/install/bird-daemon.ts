/**
 * One running BIRD and its files. `apply` makes it run a configuration; afterwards BIRD is asked which sessions it really
 * has, because a reload that was reported as done has been seen to leave peers out.
 *
 * Restart story: whether BIRD has read the installed files is decided by comparing its time of the last reconfiguration
 * with theirs, so a confd that died between the swap and the reload catches up, and one that did not leaves BIRD alone.
 */
import { BirdClient, type BirdProtocol } from '@calico-node/birdc'
import { CalicoError, hasCode, waitFor, type Logger } from '@calico-node/core'
import { sameFiles, type ConfigDirectory, type Verdict } from './config-directory.ts'
import type { FileSet } from '../render/render.ts'

/** What a daemon is to run. */
export interface Target {
  readonly files: FileSet
  /** The BGP protocols that the files describe. */
  readonly sessions: readonly string[]
}

/** `running`: BIRD runs the target. `waiting`: the files are in place, BIRD is not there (yet). */
export type Outcome = 'running' | 'waiting'

export interface BirdDaemonOptions {
  readonly name: string
  readonly directory: ConfigDirectory
  readonly client: BirdClient
  readonly log: Logger
  /** How long BIRD may take until the sessions of a new configuration are there. Default 2000. */
  readonly settleMs?: number
}

export class BirdDaemon {
  readonly name: string
  readonly #directory: ConfigDirectory
  readonly #client: BirdClient
  readonly #log: Logger
  readonly #settleMs: number
  /** Whether BIRD has read what is installed; undefined: not known, ask it. */
  #loaded: boolean | undefined
  #alarmed = false

  constructor({ name, directory, client, log, settleMs = 2000 }: BirdDaemonOptions) {
    this.name = name
    this.#directory = directory
    this.#client = client
    this.#log = log.child({ daemon: name })
    this.#settleMs = settleMs
  }

  /** Whether these files are the ones in place: they need no check then. */
  holds(files: FileSet): boolean {
    return sameFiles(files, this.#directory.installed())
  }

  check(files: FileSet): Promise<Verdict> {
    return this.#directory.check(files)
  }

  /**
   * Installs the files if they differ and reloads BIRD if it has not read them. Repeating it is harmless.
   *
   * @throws APPLY_FAILED when BIRD refuses a configuration that its own check had passed; the former files are back then
   */
  async apply({ files, sessions }: Target): Promise<Outcome> {
    const before = this.#directory.installed()
    if (!sameFiles(files, before)) {
      this.#directory.install(files)
      this.#loaded = false
      this.#log.info('Configuration installed', { sessions: sessions.length })
    }
    try {
      if (!(await this.#isLoaded())) await this.#reload(before)
      await this.#verify(sessions)
      return 'running'
    } catch (err) {
      if (!hasCode(err, 'NOT_FOUND')) throw err
      this.#loaded = undefined // it reads the files when it starts
      return 'waiting'
    }
  }

  async #isLoaded(): Promise<boolean> {
    if (this.#loaded !== undefined) return this.#loaded
    const { lastReconfiguration } = await this.#client.status()
    const readAtMs = Date.parse(lastReconfiguration.replace(' ', 'T'))
    return readAtMs >= Math.floor(this.#directory.installedAtMs() / 1000) * 1000 // BIRD tells whole seconds
  }

  async #reload(before: FileSet | undefined): Promise<void> {
    const result = await this.#client.configure()
    if (result.kind === 'refused') {
      if (before !== undefined) this.#directory.install(before)
      throw new CalicoError('APPLY_FAILED', `Cannot reload ${this.name}: ${result.message}`, {
        context: { file: result.file },
      })
    }
    this.#loaded = true
    this.#log.info('BIRD reconfigured', { result: result.kind })
  }

  /** Compares what BIRD runs with the model. A difference is repaired by another reload, and an alarm if that fails. */
  async #verify(sessions: readonly string[]): Promise<void> {
    let difference = await this.#settle(sessions)
    if (difference !== undefined) {
      if (!this.#alarmed) this.#log.warn('BIRD does not run the configured sessions, will reload', difference)
      await this.#client.configure()
      difference = await this.#settle(sessions)
    }
    if (difference !== undefined && !this.#alarmed)
      this.#log.error('BIRD does not run the configured sessions', difference)
    if (difference === undefined && this.#alarmed) this.#log.info('BIRD runs the configured sessions again')
    this.#alarmed = difference !== undefined
  }

  /** What is still different when BIRD has had its time. */
  async #settle(sessions: readonly string[]): Promise<Difference | undefined> {
    let difference: Difference | undefined = { missing: sessions, extra: [] }
    const equal = async (): Promise<boolean> => {
      difference = compareSessions(sessions, await this.#client.protocols())
      return difference === undefined
    }
    await waitFor('the sessions', equal, { deadlineMs: this.#settleMs }).catch(() => undefined)
    return difference
  }
}

type Difference = { readonly missing: readonly string[]; readonly extra: readonly string[] }

/** Undefined when BIRD has exactly these BGP protocols. */
export function compareSessions(wanted: readonly string[], protocols: readonly BirdProtocol[]): Difference | undefined {
  const have = new Set(protocols.filter(({ proto }) => proto === 'BGP').map(({ name }) => name))
  const missing = wanted.filter((name) => !have.has(name))
  const extra = [...have.difference(new Set(wanted))]
  return missing.length + extra.length === 0 ? undefined : { missing, extra }
}
