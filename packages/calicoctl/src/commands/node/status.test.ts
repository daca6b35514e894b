import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { BirdProtocolDetail } from '@calico-node/birdc'
import { peersOf } from '../../bgp/peers.ts'
import { runningPrograms } from '../../host/processes.ts'
import { renderBlock } from '../../output/block.ts'
import { type NodeStatus, statusOutcome } from './status.ts'

const protocol = (name: string, info: string, more: Partial<BirdProtocolDetail> = {}): BirdProtocolDetail => ({
  name,
  info,
  proto: 'BGP',
  table: 'master',
  state: info === 'Established' ? 'up' : 'start',
  since: '10:00:01',
  routes: { imported: 0, exported: 0, preferred: 0 },
  ...more,
})

describe('peersOf()', () => {
  test('reads address, port and type from the names of protocols', () => {
    const protocols = [
      protocol('Mesh_10_0_0_2', 'Established'),
      protocol('Global_10_0_0_254_port_1179', 'Active'),
      protocol('Node_10_0_0_3', 'Idle'),
      protocol('Local_Workload_10_65_0_1', 'Established'),
      protocol('kernel1', '', { proto: 'Kernel' }),
    ]
    assert.deepEqual(
      peersOf(protocols, 4).map(({ address, port, type, established }) => [address, port, type, established]),
      [
        ['10.0.0.2', undefined, 'node-to-node mesh', true],
        ['10.0.0.254', 1179, 'global', false],
        ['10.0.0.3', undefined, 'node specific', false],
      ],
    )
  })
  test('puts colons into IPv6 addresses', () => {
    assert.equal(peersOf([protocol('Mesh_fd00__2', 'Established')], 6)[0]?.address, 'fd00::2')
  })
})

describe('runningPrograms()', () => {
  const cases: [why: string, lines: string[][], felix: boolean, bird: boolean, bird6: boolean][] = [
    ['ours', [['calico-felix'], ['bird', '-c', 'x'], ['bird6', '-c', 'x']], true, true, true],
    ['a process title with more words', [['calico-felix some more']], true, false, false],
    ["upstream's", [['calico-node', '-felix']], true, false, false],
    ["another part of upstream's", [['calico-node', '-confd']], false, false, false],
    ['paths and other names do not count', [['/usr/sbin/bird'], ['birdc'], ['my-calico-felix']], false, false, false],
  ]
  for (const [why, lines, felix, bird, bird6] of cases) {
    test(why, () => assert.deepEqual(runningPrograms(lines), { felix, bird, bird6 }))
  }
})

describe('statusOutcome()', () => {
  const peer = {
    address: '10.0.0.2',
    type: 'node-to-node mesh',
    state: 'up',
    since: '10:00:01',
    info: 'Established',
    established: true,
  } as const
  const down = {
    ...peer,
    state: 'start',
    info: 'Active Socket: Connection refused',
    established: false,
    lastError: 'Received: Hold timer expired',
  }
  const up: NodeStatus = {
    running: true,
    families: [
      { version: 4, running: true, peers: [peer] },
      { version: 6, running: true, peers: [] },
    ],
  }
  const text = (status: NodeStatus, style: 'current' | 'documents' = 'current'): string =>
    (statusOutcome(status, style, undefined).blocks ?? []).map(renderBlock).join('')

  test('prints a table per family', () => {
    assert.equal(
      text(up),
      `Calico process is running.

IPv4 BGP status
+--------------+-------------------+-------+----------+-------------+
| PEER ADDRESS |     PEER TYPE     | STATE |  SINCE   |    INFO     |
+--------------+-------------------+-------+----------+-------------+
| 10.0.0.2     | node-to-node mesh | up    | 10:00:01 | Established |
+--------------+-------------------+-------+----------+-------------+

IPv6 BGP status
No IPv6 peers found.

`,
    )
  })
  test('keeps the headings of the documents for their command', () => {
    assert.match(text(up, 'documents'), /^\| Peer address \| +Peer type +\| State \| +Since +\| +Info +\|$/m)
  })
  const exits: [why: string, status: NodeStatus, exit: number, shown: RegExp][] = [
    ['all is well', up, 0, /Established/],
    [
      'a session is down',
      { ...up, families: [{ version: 4, running: true, peers: [peer, down] }] },
      2,
      /Active Socket: Connection refused \(Received: Hold timer expired\)/,
    ],
    [
      'BIRD does not answer',
      { ...up, families: [{ version: 4, running: true, peers: [], problem: 'Cannot ask BIRD' }] },
      2,
      /Cannot ask BIRD/,
    ],
    [
      'one BIRD does not run',
      {
        ...up,
        families: [
          { version: 4, running: true, peers: [peer] },
          { version: 6, running: false, peers: [] },
        ],
      },
      0,
      /INFO: BIRDv6 process: 'bird6' is not running\./,
    ],
    [
      'policy only',
      {
        ...up,
        families: [
          { version: 4, running: false, peers: [] },
          { version: 6, running: false, peers: [] },
        ],
      },
      0,
      /The BGP backend process \(BIRD\) is not running\./,
    ],
  ]
  for (const [why, status, exit, shown] of exits) {
    test(`exits ${exit} when ${why}`, () => {
      assert.equal(statusOutcome(status, 'current', undefined).exitCode, exit)
      assert.equal(statusOutcome(status, 'current', 'json').exitCode, exit)
      assert.match(text(status), shown)
    })
  }
  test('exits 1 when Felix does not run', () => {
    const outcome = statusOutcome({ ...up, running: false }, 'current', undefined)
    assert.deepEqual(
      [outcome.exitCode, outcome.errors, outcome.blocks],
      [1, ['Calico process is not running.'], undefined],
    )
  })
  const felix = {
    node: 'host1',
    time: '2026-01-02T03:04:05Z',
    iptables: { variant: 'nft', reason: 'holds our rules of an earlier run' },
    failsafe: {
      inbound: 'tcp:22 udp:68 tcp:179 tcp:2379 tcp:2380 tcp:5473 tcp:6443 tcp:6666 tcp:6667'.split(' '),
      outbound: [],
    },
    problems: [
      {
        id: 'overlap',
        reason: 'IP pools wide (10.0.0.0/8) and narrow (10.1.0.0/16) overlap: narrow counts where they do',
        since: '2026-01-01T00:00:00Z',
      },
    ],
    unlisted: 3,
  } as const satisfies NodeStatus['felix']
  test('tells what Felix says of its host within 80 columns', () => {
    const { blocks = [] } = statusOutcome({ ...up, felix }, 'current', undefined)
    const shown = blocks.map(renderBlock).join('')
    const section = [
      'Felix, at 2026-01-02 03:04:05Z',
      'Rules are programmed with iptables-nft: holds our rules of an earlier run.',
      'Failsafe ports in:  tcp:22 udp:68 tcp:179 tcp:2379 tcp:2380 tcp:5473 tcp:6443',
      '                    tcp:6666 tcp:6667',
      'Failsafe ports out: none',
      '',
      'Problems of this host',
      'since 2026-01-01 00:00:00Z  IP pools wide (10.0.0.0/8) and narrow (10.1.0.0/16)',
      '                            overlap: narrow counts where they do',
      '3 more: see the log of Felix.',
      '',
      '',
    ]
    assert.ok(shown.endsWith(`\n${section.join('\n')}`), shown)
    assert.ok(shown.split('\n').every((each) => each.length <= 80))
    assert.match(text({ ...up, felix: { ...felix, problems: [], unlisted: 0 } }), /\nNo problems are known\.\n/)
  })
  test('what Felix said last is shown when it does not run any more', () => {
    const ended = { ...up, running: false, felix, felixAge: 'ended' } as const
    const { exitCode, errors, blocks = [] } = statusOutcome(ended, 'current', undefined)
    assert.deepEqual([exitCode, errors], [1, ['Calico process is not running.']])
    const shown = blocks.map(renderBlock).join('')
    assert.match(shown, /^Felix does not run; what it said last, at 2026-01-02 03:04:05Z$/m)
    assert.match(shown, /Problems of this host/)
  })
  test('what a Felix that runs said long ago is not shown as current', () => {
    assert.match(
      text({ ...up, felix, felixAge: 'stale' }),
      /^WARNING: Felix runs, but has said nothing since 2026-01-02 03:04:05Z$/m,
    )
  })
  test('-o json tells everything', () => {
    const outcome = statusOutcome(up, 'current', 'json')
    assert.deepEqual(JSON.parse((outcome.blocks ?? []).map(renderBlock).join('')), {
      running: true,
      families: up.families,
    })
  })
})
