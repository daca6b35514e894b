import { quietLogger, type Logger } from '@calico-node/core'
import type { Kind } from '@calico-node/model'
import type { KvStore } from './kv-store.ts'
import { ResourceClient } from './resource-client.ts'

/** Typed access to every kind of resource in a store. */
export class CalicoClient {
  readonly store: KvStore
  readonly #log: Logger

  /** @param opts.log Hears of stored values that cannot be read and are left out of lists. Default: nobody. */
  constructor(store: KvStore, opts: { readonly log?: Logger } = {}) {
    this.store = store
    this.#log = opts.log ?? quietLogger
  }

  resources<K extends Kind>(kind: K): ResourceClient<K> {
    return new ResourceClient(kind, this.store, this.#log)
  }
}
