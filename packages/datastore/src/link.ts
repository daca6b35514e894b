import type { Logger } from '@calico-node/core'
import { Outage } from './outage.ts'
import type { SyncEvent } from './sync.ts'

const LINES = {
  begins: 'Store is unreachable, will retry',
  lasts: 'Store is still unreachable, will retry',
  ends: 'Store is reachable again',
}

/** The health of all watches of one `sync` together; passes on changes only. */
export class Link {
  readonly #missing: Set<string>
  readonly #outage: Outage
  readonly #emit: (event: SyncEvent) => Promise<void>
  #connected: boolean | undefined

  constructor(prefixes: Iterable<string>, log: Logger, emit: (event: SyncEvent) => Promise<void>) {
    this.#missing = new Set(prefixes)
    this.#outage = new Outage(LINES, log)
    this.#emit = emit
  }

  async stands(prefix: string): Promise<void> {
    this.#missing.delete(prefix)
    this.#outage.recovered(prefix)
    if (this.#missing.size > 0 || this.#connected === true) return
    this.#connected = true
    await this.#emit({ kind: 'connection', connected: true })
  }

  async lost(prefix: string, err: Error): Promise<void> {
    this.#missing.add(prefix)
    this.#outage.failed(prefix, err)
    if (this.#connected === false) return
    this.#connected = false
    await this.#emit({ kind: 'connection', connected: false, reason: err.message })
  }
}
