import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { withBird, requireOwnNamespace } from '@calico-node/testkit'
import { BirdClient } from './client.ts'

requireOwnNamespace()

const CONFIG = `router id 10.0.0.1;
protocol device { scan time 2; }
protocol static { route 10.1.0.0/26 blackhole; route 10.2.0.0/26 blackhole; }
protocol bgp Mesh_10_0_0_2 { local as 64512; neighbor 127.0.0.2 as 64513; multihop; source address 127.0.0.1; connect delay time 0; }
`

/** A socket on which something else than BIRD greets and leaves. */
async function withStranger(greeting: string, use: (path: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'birdc-'))
  const path = join(dir, 'bird.ctl')
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .resume()
      .end(greeting)
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  try {
    await use(path)
  } finally {
    await new Promise((resolve) => server.close(resolve))
    rmSync(dir, { recursive: true })
  }
}

describe('BirdClient on a real BIRD', () => {
  test('reads status, protocols, details and routes', () =>
    withBird({ config: CONFIG }, async ({ socket }) => {
      const bird = new BirdClient(socket)
      const status = await bird.status()
      assert.match(status.version, /^1\.6\./)
      assert.equal(status.routerId, '10.0.0.1')
      assert.equal(status.gracefulRestart, false)
      assert.match(status.lastReconfiguration, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
      const names = (await bird.protocols()).map(({ name, proto }) => `${proto} ${name}`)
      assert.deepEqual(names, ['Device device1', 'Static static1', 'BGP Mesh_10_0_0_2'])
      const detail = await waitFor('the session to be refused', async () => {
        const [found] = await bird.protocolDetails('Mesh_10_0_0_2')
        return found?.bgp?.lastError === undefined ? undefined : found
      })
      assert.equal(detail.bgp?.neighborAs, 64513)
      assert.match(detail.bgp?.lastError ?? '', /^Socket: Connection (refused|reset by peer)$/)
      assert.deepEqual((await bird.routes()).map(({ prefix, target }) => `${prefix} ${target}`).toSorted(), [
        '10.1.0.0/26 blackhole',
        '10.2.0.0/26 blackhole',
      ])
    }))

  test('tells acceptance from refusal, and where the mistake is', () =>
    withBird({ config: CONFIG }, async ({ socket, configFile }) => {
      const bird = new BirdClient(socket)
      assert.deepEqual(await bird.configureCheck(), { kind: 'done' })
      assert.deepEqual(await bird.configure(), { kind: 'done' })
      appendFileSync(configFile, 'nonsense here;\n')
      const refused = await bird.configure()
      assert.equal(refused.kind, 'refused')
      assert.deepEqual(refused.kind === 'refused' && [refused.file, refused.line], [configFile, 5])
      assert.equal((await bird.protocols()).length, 3, 'the old configuration goes on')
    }))

  test('tells what the running configuration defines', () =>
    withBird({ config: CONFIG }, async ({ socket, configFile }) => {
      const bird = new BirdClient(socket)
      appendFileSync(configFile, 'define generation_2 = 1;\n')
      assert.equal(await bird.defines('generation_2'), false)
      await bird.configure()
      assert.equal(await bird.defines('generation_2'), true)
      assert.equal(await bird.defines('Mesh_10_0_0_2'), true)
    }))

  test('rejects commands that BIRD does not know or that hold several lines', () =>
    withBird({ config: CONFIG }, async ({ socket }) => {
      const bird = new BirdClient(socket)
      await assert.rejects(bird.protocolDetails('Mesh_1_1_1_1'), { code: 'COMMAND_FAILED' })
      await assert.rejects(bird.routes('for\nconfigure'), { code: 'INVALID' })
      await assert.rejects(bird.protocolDetails('x"; disable all'), { code: 'INVALID' })
    }))

  test('answers many queries at once', () =>
    withBird({ config: CONFIG }, async ({ socket }) => {
      const bird = new BirdClient(socket)
      const all = await Promise.all(Array.from({ length: 50 }, () => bird.protocols()))
      assert.ok(all.every((rows) => rows.length === 3))
    }))

  test('says that nobody runs, also after a kill that leaves the socket file', () =>
    withBird({ config: CONFIG }, async (running) => {
      await running.stop('SIGKILL')
      await assert.rejects(new BirdClient(running.socket).status(), { code: 'NOT_FOUND' })
      await assert.rejects(new BirdClient('/nowhere/bird.ctl').status(), { code: 'NOT_FOUND' })
    }))

  test('a stopped daemon is noticed at the deadline', () =>
    withBird({ config: CONFIG }, async ({ socket, pid }) => {
      process.kill(pid, 'SIGSTOP')
      const started = performance.now()
      await assert.rejects(new BirdClient(socket, { timeoutMs: 200 }).status(), { code: 'TIMED_OUT' })
      assert.ok(performance.now() - started < 1500)
    }))
})

describe('BirdClient on something else', () => {
  test('a peer that greets and leaves', () =>
    withStranger('0001 ready\n', async (path) => {
      await assert.rejects(new BirdClient(path).status(), { code: 'COMMAND_FAILED' })
    }))
  test('a peer that speaks another protocol', () =>
    withStranger('SSH-2.0-OpenSSH\n', async (path) => {
      await assert.rejects(new BirdClient(path).status(), { code: 'INVALID' })
    }))
})
