import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeHostReport, encodeHostReport, type HostReport, hostReportKey } from './host-report.ts'

const report: HostReport = {
  node: 'a',
  time: '2026-01-02T03:04:05Z',
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

test('what is no report is refused, with its place', () => {
  assert.throws(() => decodeHostReport('{"node":"a"}', '/some/file'), { code: 'INVALID', message: /\/some\/file/ })
  assert.throws(() => decodeHostReport('{', '/some/file'), { code: 'INVALID' })
})

test('the key is none that other programs read', () => {
  assert.equal(hostReportKey('a'), '/calico/felix/report/v1/host/a')
})
