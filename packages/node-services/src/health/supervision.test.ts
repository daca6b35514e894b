import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseServiceState } from './supervision.ts'

test('parseServiceState() reads what runsv writes', () => {
  // Started at 2026-01-01T00:00:00.5Z as pid 258, wanted up.
  const seconds = 4611686018427387914n + BigInt(Date.UTC(2026, 0, 1) / 1000)
  const status = Buffer.alloc(20)
  status.writeBigUInt64BE(seconds, 0)
  status.writeUInt32BE(500_000_000, 8)
  status.writeUInt32LE(258, 12)
  status.write('u', 17)
  status.writeUInt8(1, 19)
  assert.deepEqual(parseServiceState(status, Date.UTC(2026, 0, 1, 0, 0, 2)), { state: 'run', ageMs: 1500, pid: 258 })
  assert.equal(parseServiceState(status, 0)?.ageMs, 0, 'a clock that was set back')
  assert.equal(parseServiceState(Buffer.alloc(7), 0), undefined)
})
