// The lifecycle page, command for command, and the demo program around it: its exit status and its tidiness.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { parseLifecycle, play, stopLab } from '@calico-node/lab'

const root = resolve(import.meta.dirname, '../..')

test('every expectation of the lifecycle page holds', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'calico-lifecycle-'))
  const said: string[] = []
  try {
    const sections = parseLifecycle(readFileSync(join(root, 'docs/lifecycle.md'), 'utf8'))
    const { passed, failed, lab } = await play({ root, dir, sections, print: (line) => said.push(line) })
    if (failed > 0) for (const host of lab.hosts.values()) said.push(host.logTails())
    assert.equal(failed, 0, said.join('\n'))
    assert.ok(passed >= sections.length)
  } finally {
    await stopLab(dir)
    rmSync(dir, { recursive: true, force: true })
  }
})

/** Processes whose command line names the folder: what a demo has left running. */
const leftovers = (dir: string): string => spawnSync('pgrep', ['-af', dir], { encoding: 'utf8' }).stdout

test('a demo that is interrupted cleans up and exits non-zero', async () => {
  const dir = join(mkdtempSync(join(tmpdir(), 'calico-demo-')), 'lab')
  const env = { ...process.env, CALICO_LAB_DIR: dir }
  const demo = spawn(join(root, 'bin/lab'), ['demo'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  demo.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await waitFor('the first section to begin', () => said.includes('\n1. '), { deadlineMs: 30_000 })
  const ended = new Promise<number | null>((done) => demo.on('exit', done))
  demo.kill('SIGINT')
  assert.equal(await ended, 130, said)
  assert.equal(existsSync(dir), false)
  await waitFor('its processes to end', () => leftovers(dir) === '')
})

test('a host that is not up is named, and usage is shown for what lab does not know', () => {
  const lab = (...args: string[]) =>
    spawnSync(join(root, 'bin/lab'), args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, CALICO_LAB_DIR: join(tmpdir(), 'no-lab-here') },
    })
  const shell = lab('shell', 'host9')
  assert.deepEqual(
    [shell.status, shell.stderr],
    [1, 'lab: no host "host9": nothing is up, start with KEEP=1 make demo\n'],
  )
  const wrong = lab('dance')
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /^Usage: lab COMMAND/)
})
