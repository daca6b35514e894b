import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseRequest, type ProbeRequest } from './request.ts'

describe('parseRequest()', () => {
  const rows: [line: string, request: ProbeRequest][] = [
    ['-felix-live -bird-live', { kind: 'checks', names: ['felix-live', 'bird-live'] }],
    ['--felix-ready --bird6-ready', { kind: 'checks', names: ['felix-ready', 'bird6-ready'] }],
    ['-bird-ready=true -felix-ready=false', { kind: 'checks', names: ['bird-ready'] }],
    ['-bird-ready -threshold-time=1m', { kind: 'checks', names: ['bird-ready'], thresholdMs: 60_000 }],
    ['-threshold-time 500ms -bird-ready', { kind: 'checks', names: ['bird-ready'], thresholdMs: 500 }],
    ['-all', { kind: 'checks', names: 'all' }],
    ['-v', { kind: 'version' }],
    ['-shutdown', { kind: 'shutdown' }],
    ['--help', { kind: 'help' }],
  ]
  for (const [line, request] of rows) test(line, () => assert.deepEqual(parseRequest(line.split(' ')), request))

  const refused: [line: string, message: RegExp][] = [
    ['-felix-alive', /"-felix-alive": want -felix-live/],
    ['felix-live', /"felix-live"/],
    ['-toString', /"-toString"/],
    ['-bird-ready -threshold-time=soon', /threshold-time "soon"/],
    ['-threshold-time=30s', /Nothing to check/],
    ['-bird-ready=false', /Nothing to check/],
  ]
  for (const [line, message] of refused) {
    test(`refuses ${line}`, () => assert.throws(() => parseRequest(line.split(' ')), { code: 'INVALID', message }))
  }
})
