// Memory of Felix while a whole cluster comes and goes: prints a line a cycle, then figures as JSON. usage: cycles.ts ENDPOINTS CYCLES
import { readFileSync } from 'node:fs'
import { sleep } from '@calico-node/core'
import type { Resource } from '@calico-node/model'
import { FelixNode } from '../../policy/kernel/felix-node.ts'
import type { Figure } from '../figure.ts'
import { cluster, NODE } from './cluster.ts'

const [endpoints = 10_000, cycles = 20] = process.argv.slice(2).map(Number)
/** Felix gives memory back some time after it was needed. */
const SETTLED_MS = 15_000
/** Until this cycle code is still compiled and the heap finds its size. */
const FIRST = 3
/** Some cycles end just before a collection: the lowest of so many shows what stays. */
const AMONG = 3
const NOISE_PERCENT = 10

const felix = await FelixNode.create({ node: NODE, variant: 'nft', etcdArgs: ['--unsafe-no-fsync'] })
const all = cluster({ endpoints, local: 100, policies: 100 })
const without: readonly Resource[] = all.filter(({ kind }) => kind !== 'WorkloadEndpoint')
const figures: Figure[] = []
try {
  await felix.put(without)
  felix.startFelix()
  await felix.inSync()
  for (let cycle = 1; cycle <= cycles; cycle++) {
    await felix.apply(all)
    await felix.apply(without)
    await sleep(SETTLED_MS)
    const status = readFileSync(`/proc/${felix.pid}/status`, 'utf8')
    const value = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
    const name = `resident after ${endpoints} endpoints came and went, cycle ${cycle}`
    figures.push({ name, value, unit: 'MB' })
    console.log(`${name}: ${value.toFixed(0)} MB`)
  }
} finally {
  await felix.stop()
}
const lowest = (from: number): number =>
  Math.min(
    ...figures
      .slice(from)
      .slice(0, AMONG)
      .map(({ value }) => value),
  )
const growth = (lowest(-AMONG) / lowest(FIRST - 1) - 1) * 100
const note = growth <= NOISE_PERCENT ? 'steady' : `GROWS: more than ${NOISE_PERCENT} %`
figures.push({
  name: `growth from cycles ${FIRST} to ${FIRST + AMONG - 1} to the last ${AMONG} of ${cycles}`,
  value: growth,
  unit: '%',
  note,
})
console.log(JSON.stringify(figures))
