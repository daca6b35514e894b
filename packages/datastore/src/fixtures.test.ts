/** Things that a test opens and that go when it ends, however it ends. */
import type { TestContext } from 'node:test'
import { quietLogger, type Logger } from '@calico-node/core'
import { CuttingProxy } from '@calico-node/testkit'
import type { EtcdConnection } from './etcd/connection.ts'
import { openEtcd } from './etcd/etcd-store.ts'
import type { KvStore } from './kv-store.ts'
import { SyncReplica } from './sync-replica.test.ts'

export function storeFor(t: TestContext, connection: EtcdConnection, log: Logger = quietLogger): KvStore {
  const store = openEtcd(connection, log)
  t.after(() => store.close())
  return store
}

export async function proxyFor(t: TestContext, targetPort: number): Promise<CuttingProxy> {
  const proxy = await CuttingProxy.start(targetPort)
  t.after(() => proxy.stop())
  return proxy
}

export function replicaFor(t: TestContext, store: KvStore, prefixes: readonly string[]): SyncReplica {
  const replica = new SyncReplica(store, prefixes)
  t.after(() => replica.stop())
  return replica
}
