// The demo's phases, and what each process of a node costs in memory afterwards.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Host, parseLifecycle, play, stopLab } from '@calico-node/lab'
import type { Bench, Figure } from './figure.ts'

const root = resolve(import.meta.dirname, '../..')
const PROCESSES = ['calico-felix', 'confd', 'bird', 'bird6']

export const bench: Bench = {
  name: 'lifecycle',
  run: async () => {
    const dir = join(root, 'out', 'bench-lab')
    // Without the last sections, so that the memory is that of a node with workloads.
    const sections = parseLifecycle(readFileSync(join(root, 'docs/lifecycle.md'), 'utf8')).slice(0, 5)
    try {
      const { phases, failed, lab } = await play({ root, dir, sections, print: () => undefined })
      if (failed > 0) throw new Error('the lifecycle failed: run make demo')
      const figures: Figure[] = phases.map(({ name, ms }) => ({ name, value: ms, unit: 'ms' }))
      return [...figures, ...(await memory(lab.host('host1')))]
    } finally {
      await stopLab(dir)
    }
  },
}

async function memory(host: Host): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const name of PROCESSES) {
    for (const pid of await host.pids(name)) {
      const rollup = await host.machine.must(['cat', `/proc/${pid}/smaps_rollup`])
      const [rss, pss] = ['Rss', 'Pss'].map(
        (key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]) / 1024,
      )
      figures.push({
        name: `${name}: resident`,
        value: rss ?? 0,
        unit: 'MB',
        note: `proportional ${pss?.toFixed(0)} MB`,
      })
    }
  }
  return figures
}
