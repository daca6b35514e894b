import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { beforeEach, describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'
import { IpSetSession, type IpSetSessionOptions, isMemberChange } from './ipset-session.ts'
import { createIpSets } from './ipsets.ts'
import { parseSave } from './ipset-text.ts'
import { run } from './run.ts'

requireOwnNamespace()

const membersOf = async (name: string): Promise<string[]> =>
  [...(parseSave(await run('ipset', ['save', name]))[0]?.members ?? [])].toSorted()
const open = (options: Partial<IpSetSessionOptions> = {}): IpSetSession =>
  new IpSetSession({ log: quietLogger, pauseMs: 0, ...options })

/** Processes that this one started and that still run. */
const children = (): number[] =>
  readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8')
    .split(' ')
    .filter((pid) => pid !== '')
    .map(Number)
    .filter((pid) => commandOf(pid) === 'ipset')
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

describe('an ipset that stays', () => {
  beforeEach(async () => {
    for (const pid of children()) process.kill(pid, 'SIGKILL')
    await waitFor('no process of an earlier test', () => children().length === 0)
    await run('ipset', ['destroy'])
    await run('ipset', ['create', 'cali40s:a', 'hash:net', 'maxelem', '3'])
  })

  test('has done all of a batch when it confirms it, by one process for all batches', async () => {
    const session = open()
    assert.equal(await session.write(['add cali40s:a 10.0.0.1', 'add cali40s:a 10.0.0.2']), true)
    assert.deepEqual(await membersOf('cali40s:a'), ['10.0.0.1', '10.0.0.2'])
    const [first] = children()
    assert.equal(await session.write(['del cali40s:a 10.0.0.1', 'add cali40s:a 10.0.0.3']), true)
    assert.deepEqual(await membersOf('cali40s:a'), ['10.0.0.2', '10.0.0.3'])
    assert.deepEqual(children(), [first])
  })

  test('takes what it was told before as done', async () => {
    const session = open()
    const lines = ['add cali40s:a 10.0.0.1', 'del cali40s:a 10.0.0.2']
    assert.equal(lines.every(isMemberChange), true)
    for (let time = 0; time < 2; time++) assert.equal(await session.write(lines), true)
  })

  const refusals: [why: string, lines: string[]][] = [
    ['a full set', ['1', '2', '3', '4'].map((host) => `add cali40s:a 10.0.0.${host}`)],
    ['a set that is not there', ['add cali40s:a 10.0.0.1', 'add cali40s:none 10.0.0.1']],
    ['no address', ['add cali40s:a 10.0.0.1,tcp:80']],
    ['no member', ['add cali40s:a ']],
  ]
  for (const [why, lines] of refusals) {
    test(`does not confirm what the kernel or itself refused: ${why}`, async () => {
      const session = open()
      assert.equal(await session.write(lines), false)
      assert.deepEqual(children(), [], 'the process is gone')
      assert.equal(await session.write(['add cali40s:a 10.0.0.1']), true, 'the next one is a new one')
    })
  }

  test('does not confirm when it was killed, and is started anew', async () => {
    const session = open()
    assert.equal(await session.write(['add cali40s:a 10.0.0.1']), true)
    for (const pid of children()) process.kill(pid, 'SIGKILL')
    await waitFor('its end', () => children().length === 0)
    assert.equal(await session.write(['add cali40s:a 10.0.0.2']), false)
    assert.equal(await session.write(['add cali40s:a 10.0.0.2']), true)
  })

  test('is ended when it keeps silent until the deadline', async () => {
    const session = open({ timeoutMs: 300 })
    assert.equal(await session.write(['add cali40s:a 10.0.0.1']), true)
    for (const pid of children()) process.kill(pid, 'SIGSTOP')
    assert.equal(await session.write(['add cali40s:a 10.0.0.2']), false)
    assert.deepEqual(children(), [])
    assert.deepEqual(await membersOf('cali40s:a'), ['10.0.0.1'])
  })

  test('is not there where the program is missing, or so soon after it failed', async () => {
    const path = process.env['PATH']
    const session = open({ pauseMs: 600_000 })
    process.env['PATH'] = '/nowhere'
    try {
      assert.equal(await session.write(['add cali40s:a 10.0.0.1']), false)
    } finally {
      process.env['PATH'] = path
    }
    assert.equal(await session.write(['add cali40s:a 10.0.0.1']), false)
    assert.deepEqual(children(), [])
  })

  test('may die under the driver, and each change still arrives', async () => {
    const driver = createIpSets({ ipVersion: 4, log: quietLogger })
    const members = new Set(['10.0.0.1'])
    driver.setIpSet({ name: 'cali40s:d', type: 'hash:net', ipVersion: 4, members })
    await driver.apply()
    driver.addMembers('cali40s:d', ['10.0.0.2'])
    await driver.apply()
    const [before] = children()
    assert.ok(before !== undefined, 'there is a session')
    process.kill(before, 'SIGKILL')
    driver.addMembers('cali40s:d', ['10.0.0.3'])
    driver.removeMembers('cali40s:d', ['10.0.0.1'])
    await driver.apply()
    assert.deepEqual(await membersOf('cali40s:d'), ['10.0.0.2', '10.0.0.3'])
  })

  test('ends with the process that started it', async () => {
    const script = `import { IpSetSession } from '${import.meta.dirname}/ipset-session.ts'
      import { quietLogger } from '@calico-node/core'
      console.log(await new IpSetSession({ log: quietLogger }).write(['add cali40s:a 10.0.0.9']))`
    const text = await run(process.execPath, ['--input-type=module', '-e', script], { timeoutMs: 60_000 })
    assert.equal(text, 'true\n')
    await waitFor('its end', async () => !(await run('ps', ['-eo', 'args'])).includes('ipset -exist -'))
  })
})
