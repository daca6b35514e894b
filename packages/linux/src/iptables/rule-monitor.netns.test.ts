import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { run } from '../run.ts'
import { createRuleMonitor, hintOf } from './rule-monitor.ts'
import { createRuleTable } from './table.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

describe('hintOf()', () => {
  const cases: [line: string, table: string | undefined][] = [
    [' EVENT: -4 -t filter -D FORWARD -j cali-FORWARD', '4 filter'],
    [' EVENT: -6 -t nat -A cali-PREROUTING -j cali-fip-dnat', '6 nat'],
    [' EVENT: -4 -t filter -A DOCKER-USER -m comment --comment "cali:abcdefghijklmnop" -j RETURN', '4 filter'],
    [' EVENT: -4 -t filter -N cali-x', '4 filter'],
    [' EVENT: -4 -t filter -A DOCKER -p tcp -j ACCEPT', undefined],
    [' EVENT: -4 -t nat -D KUBE-SERVICES -j KUBE-SVC-X', undefined],
    [' EVENT: nft: NEW table: table ip filter', undefined],
    ['', undefined],
  ]
  for (const [line, table] of cases) {
    test(line, () => {
      const hint = hintOf(line)
      const place = hint?.kind === 'changed' ? hint.place : undefined
      assert.equal(place && `${place.ipVersion} ${place.table}`, table)
    })
  }
})

test('a flush of the nft variant is told of and repaired at once; our own writes are not mistaken for one', async () => {
  const stop = new AbortController()
  const table = createRuleTable({
    variant: 'nft',
    table: 'filter',
    ipVersion: 4,
    log: quietLogger,
    postWriteCheckMs: 60_000,
  })
  table.setChain({ name: 'cali-FORWARD', rules: [{ match: [], action: { kind: 'accept' } }] })
  table.setHook({
    chain: 'FORWARD',
    insert: [{ match: [], action: { kind: 'jump', chain: 'cali-FORWARD' } }],
    append: [],
  })
  await table.apply()
  let hints = 0
  const watching = (async () => {
    const monitor = createRuleMonitor({ variant: 'nft', lockFile: '/none', log: quietLogger })
    for await (const hint of monitor.hints(stop.signal)) {
      if (hint.kind !== 'changed' || hint.place?.table !== 'filter' || hint.place.ipVersion !== 4) continue
      hints++
      table.hint?.()
    }
  })()
  // Whether it listens shows only by being told something that concerns no rule of ours.
  await waitFor('the monitor to listen', async () => {
    await run('iptables-nft', ['-I', 'OUTPUT', '-j', 'ACCEPT'])
    return hints > 0
  })
  await table.apply()

  const before = hints
  table.setChain({ name: 'cali-FORWARD', rules: [{ match: [], action: { kind: 'drop' } }] })
  await table.apply()
  await waitFor('our own echo', () => hints > before)
  assert.ok((table.dueInMs?.() ?? 0) > 5000, `${table.dueInMs?.()}`)

  await waitFor('the echo to be over', async () => {
    await run('iptables-nft', ['-A', 'OUTPUT', '-j', 'ACCEPT']) // a flush of nothing is no event
    await run('iptables-nft', ['-F'])
    return (table.dueInMs?.() ?? Infinity) < 1000
  })
  await waitFor(
    'the repair',
    async () => {
      if (table.dueInMs?.() === 0) await table.apply()
      return (await run('iptables-nft-save', ['-t', 'filter'])).includes('-j DROP')
    },
    { deadlineMs: 2000, pollMs: 10 },
  )
  stop.abort()
  await watching
})
