import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HostReport } from '@calico-node/model'
import { renderBlock } from '../../output/block.ts'
import { allStatusOutcome, type NodeRecord } from './all-status.ts'

const NOW = Date.parse('2026-01-02T12:00:00Z')
const OVERLAP = { id: 'o', reason: 'IP pools a and b overlap', since: '2026-01-01T00:00:00Z' }

const report = (node: string, more: Partial<HostReport> = {}): HostReport => ({
  node,
  time: '2026-01-02T11:58:00Z',
  started: '2026-01-01T00:00:00Z',
  version: '1.0.0',
  ready: true,
  mtuBytes: 1450,
  iptables: { variant: 'nft', reason: 'configured' },
  failsafe: { inbound: [], outbound: [] },
  problems: [],
  unlisted: 0,
  ...more,
})
const record = (node: string, more: Partial<NodeRecord> = {}): NodeRecord => ({
  node,
  isReflector: false,
  isAlive: true,
  lastSeen: '2026-01-02T11:59:00Z',
  report: report(node),
  ...more,
})
const { report: _, lastSeen: __, ...unheard } = record('new', { isAlive: false })
const text = (records: readonly NodeRecord[]): string =>
  (allStatusOutcome(records, undefined, NOW).blocks ?? []).map(renderBlock).join('')

test('one line a node, then what is amiss between and on them', () => {
  const records = [
    record('host1', { report: report('host1', { problems: [OVERLAP] }) }),
    record('host2', { report: report('host2', { problems: [OVERLAP], unlisted: 2, mtuBytes: 1480 }) }),
    record('host3', { isAlive: false }),
    unheard,
  ]
  assert.equal(
    text(records),
    `+-------+---------+----------------------+---------+----------+------+----------+
| NODE  |  FELIX  |        SINCE         | VERSION | IPTABLES | MTU  | PROBLEMS |
+-------+---------+----------------------+---------+----------+------+----------+
| host1 | ready   | 2026-01-01 00:00:00Z | 1.0.0   | nft      | 1450 |        1 |
| host2 | ready   | 2026-01-01 00:00:00Z | 1.0.0   | nft      | 1480 |        3 |
| host3 | down    | 2026-01-02 11:59:00Z | 1.0.0   | nft      | 1450 |        0 |
| new   | unknown | -                    | -       | -        | -    | -        |
+-------+---------+----------------------+---------+----------+------+----------+
WARNING: The MTU of workloads differs between nodes: 1450 on host1; 1480 on
         host2

Problems
  host1, host2: IP pools a and b overlap
`,
  )
})

describe('states and exit statuses', () => {
  const old = report('n', { time: '2026-01-02T11:00:00Z' })
  const { lastSeen: _last, ...silent } = record('n', { isAlive: false })
  const { report: _report, ...foreign } = record('n')
  const { ready: _ready, ...earlier } = report('n')
  const rows: [why: string, record: NodeRecord, felix: string, exit: number][] = [
    ['all is well', record('n'), 'ready', 0],
    ['Felix says so', record('n', { report: report('n', { ready: false }) }), 'not ready', 2],
    ['its sign of life has expired', record('n', { isAlive: false }), 'down', 1],
    ['it reports no more', record('n', { report: old }), 'stale', 2],
    ['it gives no signs of life, but reports', silent, 'ready', 0],
    ['it gives no signs of life, and reported long ago', { ...silent, report: old }, 'down', 1],
    ['it is another Felix', foreign, 'running', 0],
    ['it is of an earlier version', record('n', { report: earlier }), 'running', 0],
    ['nobody ever heard of it', unheard, 'unknown', 2],
    ['a reflector without Felix', { ...unheard, isReflector: true }, 'unknown', 0],
  ]
  for (const [why, each, felix, exit] of rows) {
    test(`${felix}: ${why}`, () => {
      const { blocks = [], exitCode } = allStatusOutcome([each], 'json', NOW)
      const { nodes } = JSON.parse(blocks.map(renderBlock).join(''))
      assert.deepEqual([nodes[0].felix, exitCode], [felix, exit])
      assert.equal(allStatusOutcome([record('other'), each], undefined, NOW).exitCode, exit)
    })
  }
})

test('many nodes are counted; a report that cannot be read is told', () => {
  const many = Array.from({ length: 9 }, (_each, i) => record(`n${i}`, { report: report(`n${i}`) }))
  const odd = record('odd', { report: report('odd', { mtuBytes: 9000 }) })
  const { report: _report, ...broken } = record('broken', { unreadable: 'Cannot read the report of broken: x' })
  const shown = text([...many, odd, broken])
  assert.match(shown, /differs between nodes: 1450 on 9 nodes; 9000 on\s+odd/)
  assert.match(shown, /^WARNING: Cannot read the report of broken: x$/m)
})
