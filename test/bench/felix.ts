// Felix alone, at sizes: cold start by phase, memory, and from a change in the store to the verdict that packets meet.
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Bench, Figure } from './figure.ts'

const root = resolve(import.meta.dirname, '../..')
const execute = promisify(execFile)
/** Interfaces of local endpoints need not exist: what is measured is rules. */
const SIZES = [
  { variant: 'legacy', endpoints: 10_000, local: 100, policies: 1000, rounds: 50 },
  { variant: 'nft', endpoints: 10_000, local: 100, policies: 1000, rounds: 50 },
  { variant: 'legacy', endpoints: 10_000, local: 1000, policies: 1000, rounds: 30 },
  { variant: 'nft', endpoints: 10_000, local: 1000, policies: 1000, rounds: 30 },
  { variant: 'legacy', endpoints: 10_000, local: 10_000, policies: 1000, rounds: 5 },
] as const

export const bench: Bench = {
  name: 'felix',
  run: async () => {
    const figures: Figure[] = []
    for (const { variant, endpoints, local, policies, rounds } of SIZES) {
      const size = `${local} local of ${endpoints}, ${variant}`
      const args = [variant, endpoints, local, policies, rounds].map(String)
      const script = ['scripts/in-netns.sh', process.execPath, 'test/bench/felix/run.ts'] as const
      const { stdout } = await execute(script[0], [...script.slice(1), ...args], { cwd: root, maxBuffer: 2 ** 26 })
      const measured: Figure[] = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
      figures.push(...measured.map((each) => ({ ...each, name: `${size}: ${each.name}` })))
    }
    return figures
  },
}
