// Started by cni.ts in a network namespace of its own: calls the plugins as a runtime does and prints what each call took.
import { join } from 'node:path'
import { requireOwnNamespace } from '@calico-node/testkit'
import { Runtime, type Json } from '../cni/runtime.ts'
import type { Latencies } from './cni.ts'

requireOwnNamespace()

const CONTAINERS = 100
const AT_ONCE = [1, 8]

const runtime = await Runtime.start()
const names = Array.from({ length: CONTAINERS }, (_, n) => `b${n}`)
const ipam = { type: 'host-local', subnet: '10.77.0.0/16', dataDir: join(runtime.dir, 'ptp') }
const PLUGINS: Readonly<Record<Latencies['plugin'], Json>> = {
  calico: { plugin: 'calico' },
  ptp: { plugin: 'ptp', bin: '/usr/lib/cni', conf: { type: 'ptp', ipam } },
}

async function measure(plugin: Latencies['plugin'], atOnce: number): Promise<Latencies> {
  const verbs: Record<string, number[]> = plugin === 'calico' ? { VERSION: [], ADD: [], DEL: [] } : { ADD: [], DEL: [] }
  for (const [verb, times] of Object.entries(verbs)) {
    const rest = [...names]
    const worker = async (): Promise<void> => {
      for (let container = rest.pop(); container !== undefined; container = rest.pop()) {
        const began = performance.now()
        await runtime.must(verb, { ...PLUGINS[plugin], container })
        times.push(performance.now() - began)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
  return { plugin, atOnce, verbs }
}

const results: Latencies[] = []
try {
  await runtime.addNetns(...names)
  await runtime.must('ADD', { container: 'b0' }) // fills the cache of compiled code
  await runtime.must('DEL', { container: 'b0' })
  for (const atOnce of AT_ONCE) results.push(await measure('calico', atOnce), await measure('ptp', atOnce))
} finally {
  await runtime.stop()
}
console.log(JSON.stringify(results))
