import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type Logger, quietLogger, waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'
import type { RuleTable } from '../ports.ts'
import { run, runTool } from '../run.ts'
import { createRuleMonitor } from './rule-monitor.ts'
import { createRuleTable } from './table.ts'

requireOwnNamespace()

describe('the lock of iptables-legacy', () => {
  let dir: string
  let lockFile: string
  let stop: AbortController
  let hints: string[]
  let said: string[]
  let table: RuleTable
  let watching: Promise<void>
  const other = (...args: string[]): Promise<string> =>
    run('iptables-legacy', args, { env: { XTABLES_LOCKFILE: lockFile } })
  const changes = (): number => hints.filter((hint) => hint === 'changed').length
  const log: Logger = { ...quietLogger, child: () => log, warn: (message) => void said.push(message) }
  const watch = (): void => {
    stop = new AbortController()
    hints = []
    said = []
    const monitor = createRuleMonitor({ variant: 'legacy', lockFile, log })
    table = createRuleTable({
      variant: 'legacy',
      table: 'filter',
      ipVersion: 4,
      log: quietLogger,
      tool: monitor.noting(runTool),
      postWriteCheckMs: 60_000,
    })
    watching = (async () => {
      for await (const hint of monitor.hints(stop.signal)) {
        hints.push(hint.kind === 'watch' ? hint.by : hint.kind)
        if (hint.kind === 'watch') table.watchedBy?.(hint.by)
        else table.hint?.()
      }
    })()
  }
  /** Whether it listens shows only by its telling of something. */
  const isHeard = async (): Promise<unknown> => {
    const before = changes()
    return waitFor('the monitor to listen', async () => {
      await other('-L', 'INPUT')
      return changes() > before
    })
  }
  const setTarget = (kind: 'accept' | 'drop'): Promise<void> => {
    table.setChain({ name: 'cali-FORWARD', rules: [{ match: [], action: { kind } }] })
    return table.apply()
  }

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'xtables-lock-'))
    lockFile = join(dir, 'lock')
    watch()
    table.setHook({
      chain: 'FORWARD',
      insert: [{ match: [], action: { kind: 'jump', chain: 'cali-FORWARD' } }],
      append: [],
    })
  })
  const end = (): Promise<void> => {
    stop.abort()
    return watching
  }
  afterEach(async () => {
    await end()
    rmSync(dir, { recursive: true })
  })

  test('a flush by another program is repaired at once, also right after a write of ours', async () => {
    await setTarget('accept')
    await isHeard()
    for (const target of ['drop', 'accept'] as const) {
      await setTarget(target)
      await other('-F')
      await waitFor(
        'the repair',
        async () => {
          if (table.dueInMs?.() === 0) await table.apply()
          return (await run('iptables-legacy-save', ['-t', 'filter'])).includes(`-j ${target.toUpperCase()}`)
        },
        { deadlineMs: 10_000, pollMs: 10 },
      )
    }
  })

  test('neither our writes nor our reads are taken for those of another', async () => {
    await isHeard()
    await setTarget('accept')
    const before = changes()
    for (let round = 0; round < 5; round++) {
      await setTarget(round % 2 === 0 ? 'drop' : 'accept')
      table.queueResync()
      await table.apply()
    }
    await isHeard() // events come in order: those of ours have come
    assert.ok(changes() - before <= 2, `${changes() - before} hints`) // of isHeard
  })

  test('a lock file that is removed or replaced is followed by its name', async () => {
    await isHeard()
    rmSync(lockFile)
    await waitFor('the loss', () => hints.includes('none'))
    await isHeard()
    writeFileSync(join(dir, 'new'), '')
    hints = []
    renameSync(join(dir, 'new'), lockFile)
    await waitFor('the loss', () => hints.includes('none'))
    await isHeard()
  })

  test('a file that was removed on the host, of which a container still has the mount, leaves the timed checks', async () => {
    await isHeard()
    await end()
    const hostFile = join(dir, 'host')
    writeFileSync(hostFile, '')
    execFileSync('mount', ['--bind', hostFile, lockFile])
    watch()
    await isHeard()
    hints = []
    rmSync(hostFile)
    await waitFor('the loss', () => hints.includes('none'))
    await waitFor('the word', () => said.length > 0)
    execFileSync('umount', ['--lazy', lockFile])
    await isHeard()
    assert.deepEqual(said, ['Cannot watch the lock of iptables'])
  })

  test('without inotifywait it says so once, and leaves the timed checks', async () => {
    await isHeard()
    await end()
    symlinkSync('/usr/bin/setpriv', join(dir, 'setpriv'))
    const path = process.env['PATH']
    try {
      process.env['PATH'] = dir
      watch()
      await waitFor('two tries', () => hints.join().includes('none,lock,none'))
    } finally {
      process.env['PATH'] = path
    }
    assert.deepEqual(said, ['Monitor ended, will start it again'])
    await isHeard()
  })

  test('is started again when it dies, and told to be deaf meanwhile', async () => {
    await isHeard()
    hints = []
    const pid = Number(execFileSync('pgrep', ['-P', String(process.pid), 'inotifywait'], { encoding: 'utf8' }))
    process.kill(pid, 'SIGKILL')
    await waitFor('both to be told', () => hints.join().includes('none,lock'))
    await isHeard()
  })
})
