import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { beforeEach, describe, test } from 'node:test'
import { parseCidr, parseIp } from '@calico-node/model'
import { quietLogger, waitFor } from '@calico-node/core'
import type { RuleTable } from '../ports.ts'
import type { Chain, Hook, IpVersion, Match, Rule, Table } from '../rules/types.ts'
import { run } from '../run.ts'
import { createRuleTable, type IptablesVariant, type RuleTableOptions } from './table.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const jump = (chain: string): Rule => ({ match: [], action: { kind: 'jump', chain } })
const accept: Rule = { match: [], action: { kind: 'accept' } }
const drop: Rule = { match: [], action: { kind: 'drop' } }
const marked: Match = { kind: 'mark', value: 0x10000, mask: 0x10000 }
const chain = (name: string, ...rules: Rule[]): Chain => ({ name, rules })
const FORWARD: Hook = {
  chain: 'FORWARD',
  insert: [jump('cali-FORWARD')],
  append: [{ match: [marked], action: { kind: 'accept' } }],
}

for (const variant of ['legacy', 'nft'] as const) {
  for (const ipVersion of [4, 6] as const)
    describe(`iptables-${variant}, IPv${ipVersion}`, () => suite(variant, ipVersion))
}

function suite(variant: IptablesVariant, ipVersion: IpVersion): void {
  const command = `ip${ipVersion === 6 ? '6' : ''}tables-${variant}`
  const restore = (input: string): Promise<string> => run(`${command}-restore`, ['--noflush'], { input })
  /** The table's rules and declarations, without counters (unless asked for) and dates. */
  const save = async (table: Table = 'filter', ...opts: string[]): Promise<string[]> =>
    (await run(`${command}-save`, ['-t', table, ...opts])).split('\n').filter((line) => /^[:\-[]/.test(line))
  /** Rules of one chain in short: `cali` stands for a comment that is an id. */
  const rulesOf = async (name: string, table: Table = 'filter'): Promise<string[]> =>
    (await save(table))
      .filter((line) => line.startsWith(`-A ${name} `))
      .map((line) => line.slice(name.length + 4).replaceAll(/-m comment --comment "?cali:[\w-]{16}"? /g, ''))
  const chainsOf = async (table: Table = 'filter'): Promise<string[]> =>
    (await save(table)).filter((line) => line.startsWith(':')).map((line) => line.split(' ', 1)[0]?.slice(1) ?? '')
  const create = (opts: Partial<RuleTableOptions> = {}): RuleTable =>
    createRuleTable({ variant, table: 'filter', ipVersion, log: quietLogger, ...opts })
  /** The desired state of most tests. */
  const fill = (table: RuleTable): RuleTable => {
    table.setChain(
      chain('cali-FORWARD', {
        match: [{ kind: 'in-interface', name: 'cali+' }],
        action: { kind: 'jump', chain: 'cali-from' },
      }),
    )
    table.setChain(
      chain(
        'cali-from',
        { match: [marked], action: { kind: 'return' } },
        { ...drop, comments: ['Unknown "interface"'] },
      ),
    )
    table.setHook(FORWARD)
    return table
  }

  beforeEach(async () => {
    for (const table of ['filter', 'nat', 'raw', 'mangle'])
      await run(`${command}-restore`, [], { input: `*${table}\nCOMMIT\n` })
  })

  test('programs what a hook reaches, and nothing else', async () => {
    const table = fill(create())
    table.setChain(chain('cali-pi-unused', drop))
    await table.apply()
    assert.deepEqual(await chainsOf(), ['INPUT', 'FORWARD', 'OUTPUT', 'cali-FORWARD', 'cali-from'])
    assert.deepEqual(await rulesOf('FORWARD'), ['-j cali-FORWARD', '-m mark --mark 0x10000/0x10000 -j ACCEPT'])
    assert.deepEqual(await rulesOf('cali-FORWARD'), ['-i cali+ -j cali-from'])
    assert.deepEqual(await rulesOf('cali-from'), [
      '-m mark --mark 0x10000/0x10000 -j RETURN',
      '-m comment --comment "Unknown _interface_" -j DROP',
    ])

    table.setChain(chain('cali-from', jump('cali-pi-unused')))
    await table.apply()
    assert.deepEqual(await rulesOf('cali-pi-unused'), ['-j DROP'])

    table.setChain(chain('cali-from'))
    await table.apply()
    assert.ok(!(await chainsOf()).includes('cali-pi-unused'))
  })

  test('sweeps leftovers of a past life, wherever they hang, and spares what is not ours', async () => {
    await restore(`*filter
:cali-old - [0:0]
:cali-older - [0:0]
:felix-FORWARD - [0:0]
:DOCKER-USER - [0:0]
-A cali-old -j cali-older
-A cali-older -p tcp -j DROP
-A FORWARD -j DOCKER-USER
-A FORWARD -m comment --comment "cali:abcdefghijklmnop" -j cali-old
-A FORWARD -p udp -j ACCEPT
-A INPUT -j felix-FORWARD
-A DOCKER-USER -m comment --comment "cali:qrstuvwxyzabcdef" -j cali-old
-A DOCKER-USER -m comment --comment "not cali: ours" -j RETURN
COMMIT
`)
    await fill(create()).apply()
    assert.deepEqual((await chainsOf()).toSorted(), [
      'DOCKER-USER',
      'FORWARD',
      'INPUT',
      'OUTPUT',
      'cali-FORWARD',
      'cali-from',
    ])
    assert.deepEqual(await rulesOf('FORWARD'), [
      '-j cali-FORWARD',
      '-j DOCKER-USER',
      '-p udp -j ACCEPT',
      '-m mark --mark 0x10000/0x10000 -j ACCEPT',
    ])
    assert.deepEqual(await rulesOf('INPUT'), [])
    assert.deepEqual(await rulesOf('DOCKER-USER'), ['-m comment --comment "not cali: ours" -j RETURN'])

    await create().apply()
    assert.deepEqual((await chainsOf()).toSorted(), ['DOCKER-USER', 'FORWARD', 'INPUT', 'OUTPUT'])
    assert.deepEqual(await rulesOf('FORWARD'), ['-j DOCKER-USER', '-p udp -j ACCEPT'])
  })

  test('in append mode stands after everybody else', async () => {
    await restore('*filter\n-A FORWARD -p udp -j ACCEPT\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n')
    const table = fill(create({ insertMode: 'append' }))
    await table.apply()
    const wanted = [
      '-p udp -j ACCEPT',
      '-p tcp -j ACCEPT',
      '-j cali-FORWARD',
      '-m mark --mark 0x10000/0x10000 -j ACCEPT',
    ]
    assert.deepEqual(await rulesOf('FORWARD'), wanted)
    const before = await save('filter', '-c')
    table.queueResync()
    await table.apply()
    assert.deepEqual(await save('filter', '-c'), before)
  })

  const drifts: [why: string, restoreLines: string][] = [
    ['a hook was deleted', '-D FORWARD 1'],
    ['all of a kernel chain was flushed', '-F FORWARD'],
    ['a chain was flushed', '-F cali-from'],
    ['a rule was deleted from the middle', '-D cali-from 1'],
    ['a rule was put into a chain of ours', '-I cali-from 1 -j ACCEPT'],
    ['somebody pushed in before us', '-I FORWARD 1 -p sctp -j ACCEPT'],
    ['everything was flushed', '-F\n-X'],
  ]
  for (const [why, lines] of drifts) {
    test(`repairs drift: ${why}`, async () => {
      const table = fill(create())
      await table.apply()
      const ours = async (): Promise<string[]> => (await save()).filter((line) => !line.includes('sctp'))
      const before = await ours()
      if (lines.includes('-F\n')) await run(command, ['-F']).then(() => run(command, ['-X']))
      else await restore(`*filter\n${lines}\nCOMMIT\n`)
      assert.notDeepEqual(await save(), before)
      table.queueResync()
      await table.apply()
      assert.deepEqual(await ours(), before)
      assert.equal((await rulesOf('FORWARD'))[0], '-j cali-FORWARD')
    })
  }

  test('writes through drift that it has not read yet', async () => {
    const table = fill(create())
    await table.apply()
    await run(command, ['-F'])
    await run(command, ['-X'])
    table.setHook({ ...FORWARD, append: [] })
    table.setChain(chain('cali-from', drop))
    await table.apply()
    assert.deepEqual(await rulesOf('FORWARD'), ['-j cali-FORWARD'])
    assert.deepEqual(await rulesOf('cali-from'), ['-j DROP'])
    assert.deepEqual(await rulesOf('cali-FORWARD'), ['-i cali+ -j cali-from'])
  })

  test('a restart with no memory writes nothing, a change writes only its chain: counters tell', async () => {
    const counted = (table: RuleTable): RuleTable => {
      table.setChain(chain('cali-OUTPUT', { match: [marked], action: { kind: 'drop' } }, jump('cali-count')))
      table.setChain(chain('cali-count', accept))
      table.setHook({ chain: 'OUTPUT', insert: [jump('cali-OUTPUT')], append: [] })
      return table
    }
    await counted(create()).apply()
    await run('ping', ['-c', '3', '-i', '0.01', '-n', ipVersion === 4 ? '127.0.0.1' : '::1'])
    const before = await save('filter', '-c')
    assert.ok(
      before.some((line) => /^\[[1-9]\d*:\d+\] -A cali-count /.test(line)),
      before.join('\n'),
    )

    const successor = counted(create())
    await successor.apply()
    assert.deepEqual(await save('filter', '-c'), before)

    successor.setChain(chain('cali-count', { ...accept, comments: ['changed'] }))
    await successor.apply()
    const others = (lines: string[]): string[] =>
      lines.filter((line) => line.startsWith('[') && !line.includes('-A cali-count'))
    assert.deepEqual(others(await save('filter', '-c')), others(before))
  })

  test('a rule that is refused leaves the rest alone; its new chain drops, and is filled once it can be', async () => {
    const needsSet: Rule = {
      match: [{ kind: 'set', side: 'source', set: 'cali-test-absent' }],
      action: { kind: 'accept' },
    }
    const table = fill(create())
    table.setChain(chain('cali-from', jump('cali-pi-a'), jump('cali-pi-b')))
    table.setChain(chain('cali-pi-a', needsSet))
    table.setChain(chain('cali-pi-b', accept))
    await assert.rejects(table.apply(), (err: { code?: string; context?: unknown }) => {
      assert.equal(err.code, 'APPLY_FAILED')
      assert.deepEqual(err.context, { chains: ['cali-pi-a'] })
      return true
    })
    assert.deepEqual(await rulesOf('cali-pi-a'), ['-m comment --comment "Rules are missing" -j DROP'])
    assert.deepEqual(await rulesOf('cali-pi-b'), ['-j ACCEPT'])
    assert.ok(table.dueInMs?.() !== undefined)

    await run('ipset', ['create', 'cali-test-absent', 'hash:net', 'family', ipVersion === 4 ? 'inet' : 'inet6'])
    table.queueResync()
    await table.apply()
    assert.deepEqual(await rulesOf('cali-pi-a'), ['-m set --match-set cali-test-absent src -j ACCEPT'])

    // From now on the chain holds something: a change that is refused leaves that in place.
    table.setChain(chain('cali-pi-a', { ...needsSet, match: [{ kind: 'set', side: 'source', set: 'cali-test-none' }] }))
    table.setChain(chain('cali-pi-b', drop))
    await assert.rejects(table.apply(), { code: 'APPLY_FAILED' })
    assert.deepEqual(await rulesOf('cali-pi-a'), ['-m set --match-set cali-test-absent src -j ACCEPT'])
    assert.deepEqual(await rulesOf('cali-pi-b'), ['-j DROP'])

    table.setChain(chain('cali-pi-a', drop))
    await table.apply()
    assert.deepEqual(await rulesOf('cali-pi-a'), ['-j DROP'])
    await run('ipset', ['destroy', 'cali-test-absent'])
  })

  test('many refusals do not use up the attempts', async () => {
    const table = fill(create())
    const names = Array.from({ length: 12 }, (_, i) => `cali-pi-${i}`)
    table.setChain(chain('cali-from', ...names.map(jump), jump('cali-pi-good')))
    table.setChain(chain('cali-pi-good', accept))
    for (const name of names) {
      table.setChain(
        chain(name, { match: [{ kind: 'set', side: 'source', set: 'cali-test-absent' }], action: { kind: 'accept' } }),
      )
    }
    await assert.rejects(table.apply(), { code: 'APPLY_FAILED' })
    assert.deepEqual(await rulesOf('cali-pi-good'), ['-j ACCEPT'])
    for (const name of names)
      assert.deepEqual(await rulesOf(name), ['-m comment --comment "Rules are missing" -j DROP'])
  })

  test('a chain that is jumped to but was never set drops', async () => {
    const table = create()
    table.setChain(chain('cali-FORWARD', jump('cali-pi-missing')))
    table.setHook(FORWARD)
    await table.apply()
    assert.deepEqual(await rulesOf('cali-pi-missing'), ['-m comment --comment "Rules are missing" -j DROP'])
    table.setChain(chain('cali-pi-missing', accept))
    await table.apply()
    assert.deepEqual(await rulesOf('cali-pi-missing'), ['-j ACCEPT'])
  })

  test('a chain that goes while another takes its place needs no order from the caller', async () => {
    const table = fill(create())
    table.setChain(chain('cali-from', jump('cali-pi-a')))
    table.setChain(chain('cali-pi-a', jump('cali-pi-b')))
    table.setChain(chain('cali-pi-b', drop))
    await table.apply()
    table.removeChain('cali-pi-a')
    table.setChain(chain('cali-pi-b', jump('cali-pi-c')))
    table.setChain(chain('cali-pi-c', accept))
    table.setChain(chain('cali-from', jump('cali-pi-b')))
    await table.apply()
    assert.deepEqual(await chainsOf(), [
      'INPUT',
      'FORWARD',
      'OUTPUT',
      'cali-FORWARD',
      'cali-from',
      'cali-pi-b',
      'cali-pi-c',
    ])
  })

  test('asks to look at its writes again, later and later', async () => {
    const table = fill(create({ postWriteCheckMs: 40, refreshMs: 90 }))
    await table.apply()
    await run(command, ['-D', 'FORWARD', '1'])
    const repaired = async (): Promise<boolean> => {
      if (table.dueInMs?.() === 0) await table.apply()
      return (await rulesOf('FORWARD'))[0] === '-j cali-FORWARD'
    }
    await waitFor('the hook to come back without anybody asking', repaired, { pollMs: 10 })
  })

  test('all tables can be applied at once', async () => {
    const names: [table: Table, hook: Hook['chain']][] = [
      ['raw', 'PREROUTING'],
      ['mangle', 'PREROUTING'],
      ['nat', 'PREROUTING'],
      ['filter', 'FORWARD'],
    ]
    const tables = names.map(([name]) => create({ table: name }))
    for (let revision = 0; revision < 5; revision++) {
      await Promise.all(
        tables.map((table, i) => {
          table.setChain(chain('cali-all', ...Array.from({ length: 20 + revision }, () => accept)))
          table.setHook({ chain: names[i]?.[1] ?? 'INPUT', insert: [jump('cali-all')], append: [] })
          return table.apply()
        }),
      )
    }
    for (const [name] of names) assert.equal((await rulesOf('cali-all', name)).length, 24)
  })

  test('another writer and we do not lose each other’s rules', async () => {
    const table = fill(create())
    await table.apply()
    const theirs = Array.from({ length: 40 }, (_, i) => `-p tcp -m tcp --dport ${i + 1} -j ACCEPT`)
    const over = new AbortController()
    const writing = (async () => {
      for (const rule of theirs) await run(command, ['-w', '-A', 'FORWARD', ...rule.split(' ')])
    })().finally(() => over.abort())
    for (let revision = 0; !over.signal.aborted; revision++) {
      table.setChain(chain('cali-from', { ...drop, comments: [`revision ${revision}`] }))
      table.setHook({ ...FORWARD, insert: [{ ...jump('cali-FORWARD'), comments: [`revision ${revision % 2}`] }] })
      await table.apply()
    }
    await writing
    table.setHook(FORWARD)
    table.queueResync()
    await table.apply()
    assert.deepEqual(await rulesOf('FORWARD'), [
      '-j cali-FORWARD',
      ...theirs,
      '-m mark --mark 0x10000/0x10000 -j ACCEPT',
    ])
  })

  if (variant === 'legacy') {
    test('does not wait for ever for a lock that somebody holds', async () => {
      const lockFile = `/tmp/xtables-lock-${process.pid}`
      process.env['XTABLES_LOCKFILE'] = lockFile
      const holder = spawn('flock', [lockFile, 'sleep', '60'], { detached: true })
      await waitFor('the lock to be held', () => spawnSync('flock', ['-n', lockFile, 'true']).status === 1)
      const table = fill(create({ lockTimeoutSeconds: 1 }))
      const start = performance.now()
      await assert.rejects(table.apply(), (err: Error) => {
        assert.match(String(err.cause), /xtables lock/)
        return true
      })
      assert.ok(performance.now() - start < 4000)
      process.kill(-(holder.pid ?? 0), 'SIGKILL')
      await table.apply()
      delete process.env['XTABLES_LOCKFILE']
      assert.equal((await rulesOf('FORWARD'))[0], '-j cali-FORWARD')
    })
  }

  test('takes every match and action there is, in the table it is for', async () => {
    const ip = parseIp(ipVersion === 4 ? '192.0.2.1' : '2001:db8::1')
    const cidr = parseCidr(ipVersion === 4 ? '192.0.2.0/24' : '2001:db8::/32')
    const tcp: Match = { kind: 'protocol', protocol: 6 }
    const ports = [
      { first: 80, last: 80 },
      { first: 1000, last: 2000 },
    ]
    const matches: Match[][] = [
      [{ kind: 'protocol', protocol: 132, negate: true }],
      [
        { kind: 'net', side: 'source', cidr },
        { kind: 'net', side: 'destination', cidr, negate: true },
      ],
      [tcp, { kind: 'ports', side: 'source', ports }, { kind: 'ports', side: 'destination', ports, negate: true }],
      [tcp, { kind: 'protocol', protocol: 6, negate: true }, { kind: 'icmp', type: 8 }],
      [{ kind: 'icmp', type: 8 }],
      [{ kind: 'icmp', type: 3, code: 1, negate: true }],
      [{ kind: 'out-interface', name: 'cali+', negate: true }],
      [marked, { kind: 'mark', value: 0, mask: 0x10000, negate: true }],
      [{ kind: 'conntrack', states: ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'DNAT', 'SNAT'], negate: true }],
      [{ kind: 'address-type', side: 'destination', type: 'LOCAL', negate: true }],
      [{ kind: 'limit', rate: '10/minute', burst: 5 }],
    ]
    const plain: Rule['action'][] = [
      { kind: 'accept' },
      { kind: 'return' },
      { kind: 'set-mark', value: 0x10000, mask: 0x30000 },
      { kind: 'log', prefix: 'calico-packet: ' },
    ]
    const natPorts = { first: 1024, last: 65535 }
    const cases: [table: Table, hook: Hook['chain'], rules: Rule[]][] = [
      [
        'filter',
        'INPUT',
        [
          ...matches.map((match): Rule => ({ match, action: { kind: 'drop' } })),
          ...plain.map((action): Rule => ({ match: [], action })),
          { match: [], action: { kind: 'reject' } },
          { match: [tcp], action: { kind: 'reject', with: 'tcp-reset' } },
        ],
      ],
      [
        'raw',
        'PREROUTING',
        [
          { match: [{ kind: 'reverse-path-fails' }], action: { kind: 'drop' } },
          { match: [{ kind: 'reverse-path-fails', negate: true }], action: { kind: 'notrack' } },
        ],
      ],
      ['mangle', 'POSTROUTING', plain.map((action) => ({ match: [], action }))],
      [
        'nat',
        'POSTROUTING',
        [
          {
            match: [{ kind: 'address-type', side: 'source', type: 'LOCAL', limitToOutInterface: true, negate: true }],
            action: { kind: 'masquerade' },
          },
          { match: [tcp], action: { kind: 'masquerade', ports: natPorts, randomFully: true } },
          { match: [tcp], action: { kind: 'snat', to: ip, ports: natPorts, randomFully: true } },
          { match: [], action: { kind: 'snat', to: ip } },
        ],
      ],
      [
        'nat',
        'PREROUTING',
        [
          { match: [tcp], action: { kind: 'dnat', to: ip, port: 80 } },
          { match: [], action: { kind: 'dnat', to: ip } },
        ],
      ],
    ]
    for (const [name, hook, rules] of cases) {
      const table = create({ table: name })
      table.setChain(chain('cali-all', ...rules))
      table.setHook({ chain: hook, insert: [jump('cali-all')], append: [] })
      await table.apply()
      assert.equal((await rulesOf('cali-all', name)).length, rules.length)
      await create({ table: name }).apply()
    }
  })

  test('10 000 rules in 1 000 chains (printed, not judged)', async () => {
    const big = (table: RuleTable, changed?: string): RuleTable => {
      for (let i = 0; i < 1000; i++) {
        const rules = Array.from(
          { length: 10 },
          (_, j): Rule => ({
            match: [
              { kind: 'protocol', protocol: 6 },
              { kind: 'ports', side: 'destination', ports: [{ first: j + 1, last: j + 1 }] },
            ],
            action: { kind: 'return' },
            ...(changed !== undefined && i === 500 && { comments: [changed] }),
          }),
        )
        table.setChain(chain(`cali-tw-${i}`, ...rules))
      }
      table.setChain(chain('cali-FORWARD', ...Array.from({ length: 1000 }, (_, i) => jump(`cali-tw-${i}`))))
      table.setHook(FORWARD)
      return table
    }
    const timed = async (work: () => Promise<void>): Promise<number> => {
      const start = performance.now()
      await work()
      return Math.round(performance.now() - start)
    }
    const table = big(create())
    const loadMs = await timed(() => table.apply())
    const idleMs = await timed(() => table.apply())
    const successor = big(create())
    const restartMs = await timed(() => successor.apply())
    table.setChain(chain('cali-tw-500', drop))
    const changeMs = await timed(() => table.apply())
    await run(command, ['-F'])
    table.queueResync()
    const repairMs = await timed(() => table.apply())
    console.log(
      `  ${command}: load ${loadMs} ms, no-op ${idleMs} ms, restart in sync ${restartMs} ms, one chain ${changeMs} ms, repair after a flush ${repairMs} ms`,
    )
    assert.equal((await save()).filter((line) => line.startsWith('-A cali-tw-')).length, 9991)
  })
}
