import { CalicoError, type Logger } from '@calico-node/core'
import type { KvStore } from './kv-store.ts'

/** The key that tells a store that is set up from one that was wiped; one for all prefixes of a `sync`. */
export class Landmark {
  readonly #store: KvStore
  readonly #key: string
  readonly #log: Logger
  #missing = false

  constructor(store: KvStore, key: string, log: Logger) {
    this.#store = store
    this.#key = key
    this.#log = log
  }

  /** @throws STORE_UNAVAILABLE while it is missing */
  async assertPresent(signal: AbortSignal): Promise<void> {
    const landmark = this.#key
    const missing = (await this.#store.get(landmark, { signal })) === undefined
    if (missing !== this.#missing) {
      this.#missing = missing
      if (missing) this.#log.warn('Store was wiped and is not set up, the last state stands', { landmark })
      else this.#log.info('Store is set up again', { landmark })
    }
    if (missing)
      throw new CalicoError('STORE_UNAVAILABLE', `Cannot follow the store: it was wiped, it has no ${landmark}`)
  }
}
