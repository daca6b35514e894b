/**
 * One running BIRD and its files. `apply` makes it run a configuration. BIRD itself is asked whether it does: its running
 * configuration defines a symbol that is named after the content of the files, and lists the sessions that it has.
 *
 * Restart story: nothing is remembered, so a confd that died between the swap and the reload catches up, a BIRD that was
 * pointed elsewhere is brought back, and an unchanged configuration is never reloaded.
 */
import { BirdClient, type BirdProtocol } from '@calico-node/birdc'
import { CalicoError, hasCode, waitFor, type Logger } from '@calico-node/core'
import { sameFiles, type ConfigDirectory, type Verdict } from './config-directory.ts'
import type { FileSet } from '../render/render.ts'
import { seal } from './seal.ts'

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
    return sameFiles(seal(files).files, this.#directory.installed())
  }

  check(files: FileSet): Promise<Verdict> {
    return this.#directory.check(files)
  }

  /**
   * Installs the files if they differ and reloads BIRD if it does not run them. Repeating it is harmless.
   *
   * @throws APPLY_FAILED when BIRD refuses a configuration that its own check had passed; the former files are back then
   */
  async apply({ files: plain, sessions }: Target): Promise<Outcome> {
    const { files, symbol } = seal(plain)
    const before = this.#directory.installed()
    const changed = !sameFiles(files, before)
    if (changed) {
      this.#directory.install(files)
      this.#log.info('Configuration installed', { sessions: sessions.length })
    }
    try {
      if (changed || !(await this.#client.defines(symbol))) await this.#reload(symbol, before)
      await this.#verify(sessions)
      return 'running'
    } catch (err) {
      if (!hasCode(err, 'NOT_FOUND')) throw err
      return 'waiting' // it reads the files when it starts
    }
  }

  async #reload(symbol: string, before: FileSet | undefined): Promise<void> {
    const result = await this.#client.configure()
    if (result.kind === 'refused') {
      if (before !== undefined) this.#directory.install(before)
      throw new CalicoError('APPLY_FAILED', `Cannot reload ${this.name}: ${result.message}`)
    }
    const read = waitFor('it', () => this.#client.defines(symbol), { deadlineMs: this.#settleMs })
    await read.catch((cause: unknown) => {
      throw new CalicoError(
        'APPLY_FAILED',
        `Cannot reload ${this.name}: it does not read the files of this directory`,
        { cause },
      )
    })
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
