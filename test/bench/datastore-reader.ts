// Follows everything below a prefix of an etcd and reports, as one line of JSON, what it cost this process.
// usage: datastore-reader.ts ENDPOINT PREFIX list|sync
import { quietLogger } from '@calico-node/core'
import { openEtcd, sync } from '@calico-node/datastore'

const [endpoint = '', prefix = '/', mode = 'sync'] = process.argv.slice(2)
const store = openEtcd({ endpoints: [endpoint], timeoutMs: 30_000 }, quietLogger)
await store.get(prefix)
const baseMB = process.memoryUsage.rss() / 1e6
const began = performance.now()
let keys = 0
if (mode === 'list') keys = (await store.list(prefix)).kvs.length
else {
  const { signal } = new AbortController()
  for await (const event of sync(store, [prefix], { log: quietLogger, signal })) {
    if (event.kind === 'updates') keys += event.updates.length
    if (event.kind === 'in-sync') break
  }
}
const ms = performance.now() - began
console.log(JSON.stringify({ keys, ms, baseMB, peakMB: process.resourceUsage().maxRSS / 1000 }))
store.close()
