import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHostReport, encodeHostReport, type HostReport, hostReportKey, isStaleReport } from './host-report.ts'

const report: HostReport = {
  node: 'a',
  time: '2026-01-02T03:04:05Z',
  started: '2026-01-02T03:00:00Z',
  version: '1.2.3',
  ready: true,
  mtuBytes: 1450,
  iptables: { variant: 'nft', reason: 'configured' },
  failsafe: { inbound: ['tcp:22'], outbound: [] },
  problems: [{ id: 'mtu', reason: 'too small', since: '2026-01-01T00:00:00Z' }],
  unlisted: 0,
}

test('a report survives being written and read', () => {
  assert.deepEqual(decodeHostReport(encodeHostReport(report), 'x'), report)
})

test('one of a later version is read for what is known of it', () => {
  assert.deepEqual(decodeHostReport(JSON.stringify({ ...report, more: 1 }), 'x'), report)
})

test('one of an earlier version lacks what that did not know', () => {
  const later = new Set(['started', 'version', 'ready', 'mtuBytes'])
  const earlier = Object.fromEntries(Object.entries(report).filter(([name]) => !later.has(name)))
  assert.deepEqual(decodeHostReport(JSON.stringify(earlier), 'x'), earlier)
})

test('a report is stale when it was not written anew twice', () => {
  const at = Date.parse(report.time)
  assert.deepEqual([isStaleReport(report, at + 600_000), isStaleReport(report, at + 600_001)], [false, true])
})

test('what is no report is refused, with its place', () => {
  assert.throws(() => decodeHostReport('{"node":"a"}', '/some/file'), { code: 'INVALID', message: /\/some\/file/ })
  assert.throws(() => decodeHostReport('{', '/some/file'), { code: 'INVALID' })
})

test('the key is none that other programs read', () => {
  assert.equal(hostReportKey('a'), '/calico/felix/report/v1/host/a')
})
