import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type LogFields, quietLogger, waitFor } from '@calico-node/core'
import { profileOnSignals } from './profiles.ts'

describe('profiles on signals', () => {
  const dir = mkdtempSync(join(tmpdir(), 'profiles-'))
  after(() => rmSync(dir, { recursive: true }))
  process.report.reportOnSignal = false // the test runner switches it on
  const lines: string[] = []
  const note = (message: string, fields?: LogFields): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  profileOnSignals({ dir, durationMs: 100, log: { ...quietLogger, info: note, warn: note } })

  const recorded = async (signal: NodeJS.Signals, suffix: string): Promise<string> => {
    lines.length = 0
    process.kill(process.pid, signal)
    await waitFor('the profile', () => lines.some((line) => line.startsWith('Profile recorded')))
    const [name] = readdirSync(dir).filter((file) => file.endsWith(suffix))
    return join(dir, name ?? '')
  }

  test('SIGUSR1: sizes of the heap, and its growth by place in the code; nobody else may read it', async () => {
    const file = await recorded('SIGUSR1', '.heapprofile')
    assert.match(lines[0] ?? '', /^Heap \{"rss":\d+,"heapUsed":\d+/)
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).head.callFrame.functionName, '(root)')
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  test('SIGUSR2: where the time goes', async () => {
    const file = await recorded('SIGUSR2', '.cpuprofile')
    assert.ok(JSON.parse(readFileSync(file, 'utf8')).samples.length > 0)
  })

  test('one at a time', async () => {
    lines.length = 0
    process.kill(process.pid, 'SIGUSR2')
    await waitFor('the start', () => lines.some((line) => line.startsWith('Recording')))
    process.kill(process.pid, 'SIGUSR2')
    await waitFor('the refusal', () => lines.some((line) => line.startsWith('A profile is being recorded already')))
    await waitFor('the end', () => lines.some((line) => line.startsWith('Profile recorded')))
  })
})
