export type {
  CallOptions, DeleteOptions, Extent, KeyValue, KvStore, PutOptions, ReadOptions, Snapshot, WatchBatch, WatchEvent,
} from './kv-store.ts'
export { MemoryKvStore } from './memory-store.ts'
export { sync, type KeyUpdate, type SyncEvent, type SyncOptions } from './sync.ts'
