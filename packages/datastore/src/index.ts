export type {
  CallOptions,
  DeleteOptions,
  Extent,
  KeyValue,
  KvStore,
  PutOptions,
  ReadOptions,
  Snapshot,
  WatchBatch,
  WatchEvent,
} from './kv-store.ts'
export { MemoryKvStore } from './memory-store.ts'
export { sync, type KeyUpdate, type SyncEvent, type SyncOptions } from './sync.ts'
export { openEtcd } from './etcd/etcd-store.ts'
export type { EtcdConnection, EtcdTlsSources, PemSource } from './etcd/connection.ts'
export { discoverEndpoints, parseEndpoints } from './etcd/endpoints.ts'
export { DEFAULT_CONFIG_FILE, parseConnection, type ConnectionSettings } from './etcd/settings.ts'
export { waitForEtcd, type WaitForEtcdOptions } from './etcd/wait.ts'
export { CalicoClient } from './client.ts'
export type { ResourceClient } from './resource-client.ts'
export { ensureFelixDefaults, initialise, mergeClusterType, type InitialiseOptions } from './initialise.ts'
export { etcdRoles, roleCommands, type EtcdComponent, type EtcdRole } from './roles.ts'
