// Memory of Felix while a whole cluster comes and goes: prints figures as JSON. usage: cycles.ts ENDPOINTS CYCLES
import { readFileSync } from 'node:fs'
import { sleep } from '@calico-node/core'
import type { Resource } from '@calico-node/model'
import { FelixNode } from '../../policy/kernel/felix-node.ts'
import type { Figure } from '../figure.ts'
import { cluster, NODE } from './cluster.ts'

const [endpoints = 10_000, cycles = 20] = process.argv.slice(2).map(Number)
/** Felix gives memory back some time after it was needed. */
const SETTLED_MS = 15_000

const felix = await FelixNode.create({ node: NODE, variant: 'nft', etcdArgs: ['--unsafe-no-fsync'] })
const all = cluster({ endpoints, local: 100, policies: 100 })
const without: readonly Resource[] = all.filter(({ kind }) => kind !== 'WorkloadEndpoint')
const residentMb: number[] = []
try {
  await felix.put(without)
  felix.startFelix()
  await felix.inSync()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await felix.apply(all)
    await felix.apply(without)
    await sleep(SETTLED_MS)
    const status = readFileSync(`/proc/${felix.pid}/status`, 'utf8')
    residentMb.push(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024)
  }
} finally {
  await felix.stop()
}
const name = `resident after a cycle of ${endpoints} endpoints`
const figures: Figure[] = [
  { name: `${name}, the second`, value: residentMb[1] ?? Number.NaN, unit: 'MB' },
  { name: `${name}, the last`, value: residentMb.at(-1) ?? Number.NaN, unit: 'MB', note: `of ${cycles}` },
]
console.log(JSON.stringify(figures))
