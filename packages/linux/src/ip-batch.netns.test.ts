import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { beforeEach, describe, test } from 'node:test'
import { IpBatch } from './ip-batch.ts'
import { deleteLink, listLinks, listRoutes } from './links.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const names = async (): Promise<string[]> =>
  (await listLinks()).map(({ name }) => name).filter((name) => name.startsWith('b'))

describe('IpBatch', () => {
  beforeEach(async () => {
    for (const name of await names()) await deleteLink(name)
  })

  test('runs commands in order and answers each, refused or not', async () => {
    const batch = new IpBatch()
    const results = await batch.run([
      'link add b1 type bridge',
      'link add b1 type bridge',
      'link set b2 up',
      'link add b2 type bridge',
      'link del b1',
    ])
    assert.deepEqual(
      results.map((reason) => reason ?? 'ok'),
      ['ok', 'RTNETLINK answers: File exists', 'Cannot find device "b2"', 'ok', 'ok'],
    )
    assert.deepEqual(await names(), ['b2'])
    assert.deepEqual(await batch.run([]), [])
  })

  test('meets interfaces as they are after renew() and after a refusal, not as they were', async () => {
    const batch = new IpBatch()
    const route = 'route replace 10.9.0.1/32 dev b1'
    await batch.run(['link add b1 type bridge', 'link set b1 up', route])
    await batch.run([
      'link set b1 down',
      'link set b1 name b2',
      'link set b2 up',
      'link add b1 type bridge',
      'link set b1 up',
    ])
    batch.renew()
    assert.deepEqual(await batch.run([route]), [undefined])
    assert.deepEqual(
      (await listRoutes(4)).filter(({ dst }) => dst === '10.9.0.1/32').map(({ dev }) => dev),
      ['b1'],
    )
    for (const name of await names()) await deleteLink(name)
    execFileSync('ip', ['link', 'add', 'b1', 'type', 'bridge'])
    execFileSync('ip', ['link', 'set', 'b1', 'up'])
    assert.notDeepEqual(await batch.run([route]), [undefined])
    assert.deepEqual(await batch.run([route]), [undefined])
  })

  test('keeps batches apart that are run at once', async () => {
    const batch = new IpBatch()
    const [first, second, third] = await Promise.all([
      batch.run(['link add b1 type bridge']),
      batch.run(['link add b1 type bridge']),
      batch.run(['link del b1']),
    ])
    assert.deepEqual([first, second, third], [[undefined], ['RTNETLINK answers: File exists'], [undefined]])
  })

  test('numbers lines right over thousands of commands', async () => {
    const batch = new IpBatch()
    const commands = Array.from({ length: 5000 }, (_, i) => (i % 1000 === 7 ? 'link del absent' : 'link set lo up'))
    const results = await batch.run(commands)
    assert.deepEqual(
      [...results.entries()].filter(([, reason]) => reason !== undefined).map(([i]) => i),
      [7, 1007, 2007, 3007, 4007],
    )
  })

  test('fails a batch whose line ends the tool, and goes on with a new one', async () => {
    const batch = new IpBatch()
    await assert.rejects(batch.run(['link add b1 type bridge', 'route add 10.0.0.300/32 dev lo']), {
      code: 'COMMAND_FAILED',
      message: /any valid prefix is expected/,
    })
    assert.deepEqual(await batch.run(['link set lo up']), [undefined])
  })

  test('survives the death of the tool', async () => {
    const batch = new IpBatch()
    await batch.run(['link set lo up'])
    const [pid = ''] = execFileSync('pgrep', ['-P', String(process.pid), '-f', '^ip -force'], {
      encoding: 'utf8',
    }).split('\n')
    process.kill(Number(pid), 'SIGKILL')
    const outcomes = await Promise.allSettled([
      batch.run(['link add b1 type bridge']),
      batch.run(['link add b2 type bridge']),
    ])
    assert.equal(outcomes.at(-1)?.status, 'fulfilled')
    assert.ok((await names()).includes('b2'))
  })

  test('gives up on a tool that does not answer', async () => {
    const batch = new IpBatch({ timeoutMs: 200 })
    await batch.run(['link set lo up'])
    const [pid = ''] = execFileSync('pgrep', ['-P', String(process.pid), '-f', '^ip -force'], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .slice(-1)
    process.kill(Number(pid), 'SIGSTOP')
    await assert.rejects(batch.run(['link set lo up']), { code: 'TIMED_OUT' })
    assert.deepEqual(await batch.run(['link set lo up']), [undefined])
  })

  test('refuses to smuggle a second command in', () => {
    assert.throws(() => new IpBatch().run(['link set lo up\nlink del eth0']), { code: 'INVALID' })
  })

  test('does not keep an idle process alive', () => {
    const script = `import { IpBatch } from ${JSON.stringify(new URL('./ip-batch.ts', import.meta.url).href)}
      const batch = new IpBatch()
      await batch.run(['link set lo up'])
      console.log('done')`
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 10_000,
    })
    assert.deepEqual([child.stdout, child.status], ['done\n', 0], child.stderr)
  })
})
