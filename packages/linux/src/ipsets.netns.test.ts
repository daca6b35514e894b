import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { createIpSets } from './ipsets.ts'
import { parseSave } from './ipset-text.ts'
import type { IpSets } from './ports.ts'
import type { IpSet } from './rules/types.ts'
import { run } from './run.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

/** All sets of the kernel: name to sorted members. */
async function sets(): Promise<Record<string, string[]>> {
  return Object.fromEntries(
    parseSave(await run('ipset', ['save'])).map(({ name, members }) => [name, [...members].toSorted()]),
  )
}
const headerOf = async (name: string): Promise<string> => (await run('ipset', ['save', name])).split('\n')[0] ?? ''

const set = (name: string, members: string[], more: Partial<IpSet> = {}): IpSet => ({
  name,
  type: 'hash:net',
  ipVersion: 4,
  members: new Set(members),
  ...more,
})
const create = (ipVersion: 4 | 6 = 4): IpSets => createIpSets({ ipVersion, log: quietLogger })
/** Destroys what may be destroyed, pass by pass. */
const settle = async (driver: IpSets): Promise<void> => {
  await driver.apply()
  do await driver.applyDeletions()
  while (driver.dueInMs?.() !== undefined)
}

describe('IP sets', () => {
  beforeEach(async () => {
    await run('iptables-legacy', ['-F'])
    await run('ipset', ['destroy'])
  })

  test('are created, filled, changed and emptied', async () => {
    const driver = create()
    driver.setIpSet(set('cali40s:a', ['10.0.0.1', '10.1.0.0/16', '10.0.0.9/32']))
    driver.setIpSet(set('cali40n:p', ['10.0.0.1,tcp:80', '10.0.0.1,sctp:7'], { type: 'hash:ip,port' }))
    driver.setIpSet(set('cali40this-host', ['10.0.0.1'], { type: 'hash:ip' }))
    driver.setIpSet(set('cali40s:none', []))
    await driver.apply()
    assert.deepEqual(await sets(), {
      'cali40s:a': ['10.0.0.1', '10.0.0.9', '10.1.0.0/16'],
      'cali40n:p': ['10.0.0.1,sctp:7', '10.0.0.1,tcp:80'],
      'cali40this-host': ['10.0.0.1'],
      'cali40s:none': [],
    })
    driver.addMembers('cali40s:a', ['10.0.0.2', '10.0.0.3'])
    driver.removeMembers('cali40s:a', ['10.0.0.1', '10.0.0.3', 'never-there'])
    driver.setIpSet(set('cali40s:none', ['192.0.2.0/24']))
    await driver.apply()
    const after = await sets()
    assert.deepEqual(
      [after['cali40s:a'], after['cali40s:none']],
      [['10.0.0.2', '10.0.0.9', '10.1.0.0/16'], ['192.0.2.0/24']],
    )
  })

  test('of IPv6 are compared by address, not by spelling', async () => {
    const wanted = set('cali60s:a', ['fd00::1', 'fd00:1::/64', '::ffff:192.0.2.1'], { ipVersion: 6 })
    const driver = create(6)
    driver.setIpSet(wanted)
    await driver.apply()
    assert.equal((await sets())['cali60s:a']?.length, 3)
    // An unchanged set is not written: a member added behind its back with a spelling of its own must be the only one to go.
    await run('ipset', ['add', 'cali60s:a', 'fd00:2:0:0:0:0:0:1'])
    const successor = create(6)
    successor.setIpSet(wanted)
    await successor.apply()
    assert.deepEqual(new Set((await sets())['cali60s:a']), wanted.members)
  })

  test('of a past life are used again, repaired, or swept; those of others and of the other version are spared', async () => {
    await run('ipset', ['restore'], {
      input: `create cali40s:keep hash:net family inet maxelem 1048576
add cali40s:keep 10.0.0.1
add cali40s:keep 10.0.0.66
create cali40s:stale hash:net
create cali4t3 hash:net
create felix-4-old hash:ip
create cali60s:other hash:net family inet6
create docker-set bitmap:port range 0-100
`,
    })
    const driver = create()
    driver.setIpSet(set('cali40s:keep', ['10.0.0.1', '10.0.0.2']))
    await settle(driver)
    assert.deepEqual(await sets(), { 'cali40s:keep': ['10.0.0.1', '10.0.0.2'], 'cali60s:other': [], 'docker-set': [] })
  })

  test('are destroyed only by applyDeletions, and come back when wanted again', async () => {
    const driver = create()
    driver.setIpSet(set('cali40s:a', ['10.0.0.1']))
    await driver.apply()
    driver.removeIpSet('cali40s:a')
    await driver.apply()
    assert.deepEqual(await sets(), { 'cali40s:a': ['10.0.0.1'] })
    driver.setIpSet(set('cali40s:a', ['10.0.0.2']))
    await settle(driver)
    assert.deepEqual(await sets(), { 'cali40s:a': ['10.0.0.2'] })
    driver.removeIpSet('cali40s:a')
    await settle(driver)
    assert.deepEqual(await sets(), {})
  })

  test('that rules still use are kept until a read-back, without holding up others', async () => {
    const driver = create()
    for (const name of ['cali40s:a', 'cali40s:b', 'cali40s:c']) driver.setIpSet(set(name, []))
    await driver.apply()
    await run('iptables-legacy', ['-A', 'INPUT', '-m', 'set', '--match-set', 'cali40s:b', 'src', '-j', 'ACCEPT'])
    for (const name of ['cali40s:a', 'cali40s:b', 'cali40s:c']) driver.removeIpSet(name)
    await settle(driver)
    assert.deepEqual(Object.keys(await sets()), ['cali40s:b'])
    await run('iptables-legacy', ['-F', 'INPUT'])
    driver.queueResync()
    await settle(driver)
    assert.deepEqual(await sets(), {})
  })

  test('with another limit are swapped under the rules that use them', async () => {
    await run('ipset', ['create', 'cali40s:a', 'hash:net', 'maxelem', '7'])
    await run('ipset', ['add', 'cali40s:a', '10.0.0.66'])
    await run('iptables-legacy', ['-A', 'INPUT', '-m', 'set', '--match-set', 'cali40s:a', 'src', '-j', 'ACCEPT'])
    const driver = create()
    driver.setIpSet(set('cali40s:a', ['10.0.0.1']))
    await settle(driver)
    assert.deepEqual(await sets(), { 'cali40s:a': ['10.0.0.1'] })
    assert.match(await headerOf('cali40s:a'), /maxelem 1048576\b/)
  })

  test('of another type are made anew, or named when rules hold them', async () => {
    await run('ipset', ['create', 'cali40s:a', 'hash:ip'])
    await run('ipset', ['create', 'cali40s:b', 'hash:ip'])
    await run('iptables-legacy', ['-A', 'INPUT', '-m', 'set', '--match-set', 'cali40s:b', 'src', '-j', 'ACCEPT'])
    const driver = create()
    for (const name of ['cali40s:a', 'cali40s:b', 'cali40s:c']) driver.setIpSet(set(name, ['10.1.0.0/16']))
    await assert.rejects(driver.apply(), { code: 'APPLY_FAILED', message: 'Cannot apply IP set(s) cali40s:b' })
    assert.deepEqual(await sets(), { 'cali40s:a': ['10.1.0.0/16'], 'cali40s:b': [], 'cali40s:c': ['10.1.0.0/16'] })
    await run('iptables-legacy', ['-F', 'INPUT'])
    await driver.apply()
    assert.match(await headerOf('cali40s:b'), /hash:net/)
  })

  test('with too many members are an error that names set and numbers; an absent one stays absent, the others are written', async () => {
    const driver = create()
    const members = Array.from({ length: 5 }, (_, i) => `10.0.0.${i}`)
    driver.setIpSet(set('cali40s:big', members, { maxElements: 4 }))
    driver.setIpSet(set('cali40s:fits', members, { maxElements: 5 }))
    await assert.rejects(driver.apply(), (err: Error) => {
      assert.match(String(err.cause), /Cannot fill IP set cali40s:big: 5 members, the limit is 4/)
      return true
    })
    assert.deepEqual(Object.keys(await sets()), ['cali40s:fits'])
    driver.removeMembers('cali40s:big', ['10.0.0.0'])
    await driver.apply()
    assert.equal((await sets())['cali40s:big']?.length, 4)
  })

  test('that the kernel refuses do not hold up the rest', async () => {
    const driver = create()
    driver.setIpSet(set('cali40s:a', ['10.0.0.1']))
    driver.setIpSet(set('cali40s:bad', ['10.0.0.1', '0.0.0.0/0']))
    driver.setIpSet(set('cali40s:ugly', ['no address']))
    driver.setIpSet(set('cali40s:z', ['10.0.0.1']))
    await assert.rejects(driver.apply(), (err: { context?: { names?: string[] } }) => {
      assert.deepEqual(err.context?.names?.toSorted(), ['cali40s:bad', 'cali40s:ugly'])
      return true
    })
    const after = await sets()
    assert.deepEqual([after['cali40s:a'], after['cali40s:z']], [['10.0.0.1'], ['10.0.0.1']])
    driver.removeMembers('cali40s:bad', ['0.0.0.0/0'])
    driver.removeIpSet('cali40s:ugly')
    await driver.apply()
    assert.deepEqual((await sets())['cali40s:bad'], ['10.0.0.1'])
  })

  const drifts: [why: string, command: string[]][] = [
    ['a member was deleted', ['del', 'cali40s:a', '10.0.0.1']],
    ['a member was added', ['add', 'cali40s:a', '10.0.0.66']],
    ['the set was flushed', ['flush', 'cali40s:a']],
    ['the set was destroyed', ['destroy', 'cali40s:a']],
  ]
  for (const [why, command] of drifts) {
    test(`drift is repaired: ${why}`, async () => {
      const driver = create()
      driver.setIpSet(set('cali40s:a', ['10.0.0.1', '10.0.0.2']))
      await driver.apply()
      await run('ipset', command)
      driver.queueResync()
      await driver.apply()
      assert.deepEqual(await sets(), { 'cali40s:a': ['10.0.0.1', '10.0.0.2'] })
    })
  }

  test('changes go on after drift that nobody told of', async () => {
    const driver = create()
    driver.setIpSet(set('cali40s:a', ['10.0.0.1']))
    await driver.apply()
    await run('ipset', ['destroy', 'cali40s:a'])
    driver.addMembers('cali40s:a', ['10.0.0.2'])
    await driver.apply().catch(() => undefined)
    await waitFor('the set to be whole again', async () => {
      if (driver.dueInMs?.() === 0) await driver.apply()
      return (await sets())['cali40s:a']?.length === 2
    })
  })

  test('2 000 sets and 100 000 members (printed, not judged)', async () => {
    const timed = async (work: () => Promise<void>): Promise<number> => {
      const start = performance.now()
      await work()
      return Math.round(performance.now() - start)
    }
    const fill = (driver: IpSets): IpSets => {
      for (let i = 0; i < 2000; i++) driver.setIpSet(set(`cali40s:${i}`, [`10.0.${i >> 8}.${i & 255}`]))
      const big = Array.from({ length: 100_000 }, (_, i) => `172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`)
      driver.setIpSet(set('cali40s:big', big))
      return driver
    }
    const driver = fill(create())
    const loadMs = await timed(() => driver.apply())
    const successor = fill(create())
    const restartMs = await timed(() => successor.apply())
    driver.addMembers('cali40s:big', ['192.0.2.1'])
    const oneMs = await timed(() => driver.apply())
    for (let i = 0; i < 2000; i++) driver.removeIpSet(`cali40s:${i}`)
    const deleteMs = await timed(() => settle(driver))
    console.log(
      `  IP sets: load ${loadMs} ms, restart in sync ${restartMs} ms, one member ${oneMs} ms, 2000 destroyed ${deleteMs} ms`,
    )
    assert.deepEqual(Object.keys(await sets()), ['cali40s:big'])
  })
})
