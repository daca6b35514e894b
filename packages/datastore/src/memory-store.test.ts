import { describeKvStore } from './kv-store-contract.test.ts'
import { MemoryKvStore } from './memory-store.ts'

describeKvStore('MemoryKvStore', async () => {
  const store = new MemoryKvStore()
  return { store, compact: async (revision) => store.compact(revision), stop: async () => store.close() }
})
