// What an idle Felix costs, once its checks have found their pace: prints figures as JSON. usage: idle.ts VARIANT ENDPOINTS LOCAL SECONDS
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { sleep } from '@calico-node/core'
import { FelixNode, VARIANTS } from '../../policy/kernel/felix-node.ts'
import type { Figure } from '../figure.ts'
import { cluster, NODE } from './cluster.ts'

const [variantName, ...numbers] = process.argv.slice(2)
const variant = VARIANTS.find((each) => each === variantName) ?? 'legacy'
const [endpoints = 10_000, local = 100, seconds = 60] = numbers.map(Number)
/** Checks come 5, 10, 20 s after the last write. */
const SETTLED_MS = 45_000
const TICK_MS = 10

const felix = await FelixNode.create({ node: NODE, variant, etcdArgs: ['--unsafe-no-fsync'] })
const figures: Figure[] = []
try {
  await felix.put(cluster({ endpoints, local, policies: 1000 }))
  felix.startFelix()
  await felix.inSync()
  await sleep(SETTLED_MS)
  const before = cpuMs()
  await sleep(seconds * 1000)
  const value = ((cpuMs() - before) * 60) / seconds
  figures.push({ name: 'CPU of an idle minute', value, unit: 'ms', note: 'upstream 1900 ms' })
} finally {
  await felix.stop()
}
console.log(JSON.stringify(figures))

/** Of Felix, of the programs it has run to their end, and of those that it follows. */
function cpuMs(): number {
  const followed = execFileSync('pgrep', ['-P', String(felix.pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
  return [felix.pid, ...followed].reduce<number>((sum, pid) => sum + ticksOf(pid) * TICK_MS, 0)
}

function ticksOf(pid: number | string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}
