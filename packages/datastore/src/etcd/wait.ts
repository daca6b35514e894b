import { backoffMs, hasCode, sleep, type Logger } from '@calico-node/core'
import { resourceKey } from '@calico-node/model'
import type { KvStore } from '../kv-store.ts'
import { Outage } from '../outage.ts'

/** Something that every component may read; it need not exist. */
const PROBE_KEY = resourceKey('ClusterInformation', 'default')

const LINES = { begins: 'Waiting for etcd', lasts: 'Still waiting for etcd', ends: 'etcd answers, going on' }

export interface WaitForEtcdOptions {
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * Waits until the store answers, and says what it is waiting for: once, then every minute. Refused credentials are
 * waited for as well, since they may be granted later.
 *
 * @returns Whether it answered; false when `signal` ended the wait.
 * @throws what waiting cannot mend, such as INVALID for a certificate file that cannot be read
 */
export async function waitForEtcd(store: KvStore, { log, signal }: WaitForEtcdOptions): Promise<boolean> {
  const outage = new Outage(LINES, log)
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await store.get(PROBE_KEY, { signal })
      outage.recovered('etcd')
      return true
    } catch (err) {
      if (!hasCode(err, 'STORE_UNAVAILABLE', 'FORBIDDEN')) throw err
      if (signal.aborted) break
      outage.failed('etcd', err)
    }
    await sleep(backoffMs(attempt, { baseMs: 500, capMs: 10_000 }), signal)
  }
  return false
}
