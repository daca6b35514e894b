/**
 * Follows the allocation blocks of IPAM, but only while somebody wants them: in a large cluster they are most of what
 * changes, and a host whose routes BIRD writes has no use for them.
 */
import { assertNever, type Logger } from '@calico-node/core'
import { type KeyUpdate, type KvStore, sync } from '@calico-node/datastore'
import { BLOCK_PREFIX } from '@calico-node/model'
import { CLUSTER_KEY } from './stored-config.ts'

export interface BlockFollowerOptions {
  readonly store: KvStore
  readonly log: Logger
  readonly onUpdates: (updates: readonly KeyUpdate[]) => void
  /** All blocks have been told. */
  readonly onListed: () => void
}

export class BlockFollower {
  readonly #options: BlockFollowerOptions
  #wanted = false
  #isListed = false
  #change = Promise.withResolvers<void>()
  #stop = new AbortController()

  constructor(options: BlockFollowerOptions) {
    this.#options = options
  }

  /** Whether what was told is all that is wanted. */
  get isComplete(): boolean {
    return this.#isListed || !this.#wanted
  }

  /** From false to true: all blocks are told anew. From true to false: nothing more is told. */
  want(wanted: boolean): void {
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    this.#isListed = false
    this.#stop.abort()
    this.#change.resolve()
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#change.resolve(), { once: true })
    while (!signal.aborted) {
      this.#change = Promise.withResolvers()
      this.#stop = new AbortController()
      if (this.#wanted) await this.#follow(AbortSignal.any([signal, this.#stop.signal]))
      else await this.#change.promise
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store, log, onUpdates, onListed } = this.#options
    for await (const event of sync(store, [BLOCK_PREFIX], { log, signal, landmark: CLUSTER_KEY })) {
      if (signal.aborted) return
      switch (event.kind) {
        case 'updates':
          onUpdates(event.updates)
          break
        case 'in-sync':
          this.#isListed = true
          onListed()
          break
        case 'connection':
          break
        default:
          assertNever(event)
      }
    }
  }
}
