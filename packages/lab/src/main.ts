import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { runProgram } from '@calico-node/core'
import { parseLifecycle } from './demo/document.ts'
import { play } from './demo/play.ts'
import { findMachine, listMachines, stopLab } from './lab.ts'

const USAGE = `Usage: lab COMMAND

Commands:
  demo [--keep]   play docs/lifecycle.md on two hosts; --keep leaves them up
  shell HOST      a shell on a host that was left up
  stop            end the hosts that were left up
`
const root = resolve(process.env['CALICO_ROOT'] ?? process.cwd())
const dir = resolve(process.env['CALICO_LAB_DIR'] ?? join(root, 'out', 'lab'))
const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function demo(keep: boolean): Promise<number> {
  const sections = parseLifecycle(readFileSync(join(root, 'docs/lifecycle.md'), 'utf8'))
  // The machines die with this process; a signal still cleans up their folder.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      print(`\ndemo: ${signal}, cleaning up`)
      void stopLab(dir).finally(() => process.exit(130))
    })
  }
  const started = performance.now()
  try {
    const { passed, failed, lab } = await play({ root, dir, keep, sections, print })
    if (failed > 0) for (const host of lab.hosts.values()) print(`\n${host.logTails()}`)
    print(
      `\nSummary: ${passed} expectations held, ${failed} failed, in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    )
    if (keep) print('The hosts are still up. Enter one: make lab-shell HOST=host1\nEnd them: make lab-stop')
    return failed > 0 ? 1 : 0
  } finally {
    if (!keep) await stopLab(dir)
  }
}

function shell(name: string): number {
  const machine = findMachine(dir, name)
  if (machine === undefined) {
    const up = listMachines(dir)
    const hint = up.length > 0 ? `up are ${up.join(', ')}` : 'nothing is up, start with KEEP=1 make demo'
    process.stderr.write(`lab: no host "${name}": ${hint}\n`)
    return 1
  }
  const env = Object.entries({ ...machine.env, TERM: process.env['TERM'] ?? 'dumb', PS1: `${name}# ` })
  const [file = '', ...args] = machine.enter([
    'env',
    '-i',
    ...env.map(([key, value]) => `${key}=${value}`),
    'bash',
    '--norc',
  ])
  return spawnSync(file, args, { stdio: 'inherit', cwd: '/' }).status ?? 1
}

async function run(keep: boolean, [command, name]: readonly string[]): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error('needs root')
  if (command === 'demo') return demo(keep)
  if (command === 'shell' && name !== undefined) return shell(name)
  if (command === 'stop') return (print(`${await stopLab(dir)} machines ended`), 0)
  process.stderr.write(USAGE)
  return 1
}

void runProgram({
  name: 'lab',
  usage: USAGE,
  options: { keep: { type: 'boolean', default: false } },
  allowPositionals: true,
  run: async ({ keep }, words) => run(keep, words),
})
