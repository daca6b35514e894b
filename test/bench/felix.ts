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
  { variant: 'nft', endpoints: 10_000, local: 10_000, policies: 1000, rounds: 5 },
] as const
/** Very large tables are read back every 180 s. */
const IDLE = (['legacy', 'nft'] as const).flatMap((variant) => [
  { variant, local: 100, seconds: 60 },
  { variant, local: 10_000, seconds: 180 },
])
/** Each size takes one to two minutes, an idle Felix up to five, the cycles ten. */
const LIMIT_MS = 20 * 60_000

export const bench: Bench = {
  name: 'felix',
  run: async () => {
    const figures: Figure[] = []
    const measure = async (script: string, args: readonly (string | number)[], of = ''): Promise<void> => {
      const command = [process.execPath, `test/bench/felix/${script}`, ...args.map(String)]
      const { stdout } = await execute('scripts/in-netns.sh', command, {
        cwd: root,
        maxBuffer: 2 ** 26,
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      })
      const measured: Figure[] = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
      figures.push(...measured.map((each) => ({ ...each, name: `${of}${each.name}` })))
    }
    for (const { variant, endpoints, local, policies, rounds } of SIZES) {
      const size = `${local} local of ${endpoints}, ${variant}: `
      await measure('run.ts', [variant, endpoints, local, policies, rounds], size)
    }
    for (const { variant, local, seconds } of IDLE) {
      await measure('idle.ts', [variant, 10_000, local, seconds], `${local} local of 10000, ${variant}: `)
    }
    await measure('cycles.ts', [10_000, 20])
    return figures
  },
}
