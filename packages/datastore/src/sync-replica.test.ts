import assert from 'node:assert/strict'
import { quietLogger, waitFor, type Logger } from '@calico-node/core'
import type { KvStore } from './kv-store.ts'
import { sync } from './sync.ts'

/** For tests: a consumer of `sync` that keeps what it was told, and checks the promises that come with it. */
export class SyncReplica {
  readonly state = new Map<string, string>()
  /** Connection events, in order. */
  readonly connection: boolean[] = []
  readonly reasons: string[] = []
  /** One entry an update: `+key=value`, or `-key`. */
  readonly told: string[] = []
  inSync = 0
  readonly #stop = new AbortController()
  readonly #done: Promise<void>

  constructor(store: KvStore, prefixes: readonly string[], log: Logger = quietLogger, landmark?: string) {
    this.#done = this.#follow(store, prefixes, log, landmark)
  }

  /** Waits until the state is exactly that of a fresh list by `judge`. */
  async catchesUpWith(judge: KvStore, prefixes: readonly string[], deadlineMs = 15_000): Promise<void> {
    await waitFor(
      'the replica to equal a fresh list',
      async () => {
        const lists = await Promise.all(prefixes.map((prefix) => judge.list(prefix)))
        const want = new Map(lists.flatMap(({ kvs }) => kvs.map((kv) => [kv.key, kv.value] as const)))
        assert.deepEqual(this.state, want)
        return this.connection.at(-1) === true
      },
      { deadlineMs },
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #follow(store: KvStore, prefixes: readonly string[], log: Logger, landmark?: string): Promise<void> {
    const versions = new Map<string, string>()
    for await (const event of sync(store, prefixes, {
      log,
      signal: this.#stop.signal,
      ...(landmark !== undefined && { landmark }),
    })) {
      if (event.kind === 'in-sync') this.inSync += 1
      else if (event.kind === 'connection') {
        this.connection.push(event.connected)
        if (event.reason !== undefined) this.reasons.push(event.reason)
      } else {
        for (const { key, kv } of event.updates) {
          const version = kv === undefined ? undefined : `${kv.modRevision} ${kv.value}`
          assert.notEqual(version, versions.get(key), `${key} was told twice`)
          if (version === undefined) versions.delete(key)
          else versions.set(key, version)
          this.told.push(kv === undefined ? `-${key}` : `+${key}=${kv.value}`)
          if (kv === undefined) this.state.delete(key)
          else this.state.set(key, kv.value)
        }
      }
    }
  }
}
