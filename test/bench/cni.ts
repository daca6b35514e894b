// What a container waits for its network: ADD and DEL of the installed plugin beside the stock ptp plugin, one at a time and
// eight at a time, on the same machine.
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Bench, type Figure, percentile } from './figure.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** What cni-latency.ts measures, in milliseconds. */
export interface Latencies {
  readonly plugin: 'calico' | 'ptp'
  readonly atOnce: number
  readonly verbs: Readonly<Record<string, readonly number[]>>
}

export const bench: Bench = {
  name: 'cni',
  run: async () => {
    const worker = [
      resolve(ROOT, 'scripts/in-netns.sh'),
      process.execPath,
      resolve(import.meta.dirname, 'cni-latency.ts'),
    ]
    const { stdout } = await promisify(execFile)('/bin/sh', worker, { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 })
    const all: readonly Latencies[] = JSON.parse(stdout)
    return all.flatMap((each) => figuresOf(each, all))
  },
}

function figuresOf({ plugin, atOnce, verbs }: Latencies, all: readonly Latencies[]): Figure[] {
  const stock = all.find((other) => other.plugin === 'ptp' && other.atOnce === atOnce)
  return Object.entries(verbs).flatMap(([verb, times]) => {
    const p50 = percentile(times, 50)
    const base = plugin === 'ptp' ? undefined : stock?.verbs[verb]
    const note = base === undefined ? {} : { note: `${(p50 / percentile(base, 50)).toFixed(1)} times ptp` }
    const name = `${plugin} ${verb}, ${atOnce === 1 ? 'alone' : `${atOnce} at a time`}`
    return [
      { name: `${name}, p50`, value: p50, unit: 'ms', ...note },
      { name: `${name}, p99`, value: percentile(times, 99), unit: 'ms' },
    ] satisfies Figure[]
  })
}
