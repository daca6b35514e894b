import { readFileSync } from 'node:fs'
import { CalicoError, type Logger } from '@calico-node/core'
import type { CalicoClient, KvStore } from '@calico-node/datastore'
import type { Ipam } from '@calico-node/ipam'

export type Env = Readonly<Record<string, string | undefined>>

/** What a command may use of the world. Nothing is opened before it is asked for. */
export interface Context {
  readonly env: Env
  readonly log: Logger
  /** Where connection settings are, when that was said. */
  readonly configFile: string | undefined
  readonly allowVersionMismatch: boolean
  /** Standard output is a terminal that shows colours. */
  readonly colours: boolean
  /** Aborted on Ctrl-C: watching and polling end. */
  readonly signal: AbortSignal
  readStdin(): Promise<string>
  /** The next line of standard input; undefined at its end, or when the signal comes first. */
  readLine(signal: AbortSignal): Promise<string | undefined>
  store(): Promise<KvStore>
  client(): Promise<CalicoClient>
  ipam(): Promise<Ipam>
}

export interface ContextOptions {
  readonly env: Env
  readonly log: Logger
  readonly configFile: string | undefined
  readonly allowVersionMismatch: boolean
  readonly colours: boolean
  readonly signal: AbortSignal
  readonly readStdin: () => Promise<string>
  readonly readLine: (signal: AbortSignal) => Promise<string | undefined>
}

/** Opens the store once, on first use; {@link close} ends its connections. */
export class CliContext implements Context {
  readonly env: Env
  readonly log: Logger
  readonly configFile: string | undefined
  readonly allowVersionMismatch: boolean
  readonly colours: boolean
  readonly signal: AbortSignal
  readonly readStdin: () => Promise<string>
  readonly readLine: (signal: AbortSignal) => Promise<string | undefined>
  #store: Promise<KvStore> | undefined

  constructor(opts: ContextOptions) {
    this.env = opts.env
    this.log = opts.log
    this.allowVersionMismatch = opts.allowVersionMismatch
    this.colours = opts.colours
    this.signal = opts.signal
    this.readStdin = opts.readStdin
    this.readLine = opts.readLine
    this.configFile = opts.configFile
  }

  store(): Promise<KvStore> {
    this.#store ??= this.#open()
    return this.#store
  }

  async client(): Promise<CalicoClient> {
    const { CalicoClient } = await import('@calico-node/datastore')
    return new CalicoClient(await this.store())
  }

  async ipam(): Promise<Ipam> {
    const { Ipam } = await import('@calico-node/ipam')
    return new Ipam({ client: await this.client(), log: this.log })
  }

  async close(): Promise<void> {
    const store = await this.#store?.catch(() => undefined)
    store?.close()
  }

  async #open(): Promise<KvStore> {
    const { DEFAULT_CONFIG_FILE, openEtcd, parseConnection } = await import('@calico-node/datastore')
    return openEtcd(parseConnection({ env: this.env, configFile: this.configFile ?? DEFAULT_CONFIG_FILE }), this.log)
  }
}

/** Content of a file, or undefined when there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw new CalicoError('INVALID', `Cannot read ${path}`, { cause: err })
  }
}
