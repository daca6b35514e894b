import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { CalicoError, quietLogger } from '@calico-node/core'
import { PluginServer } from './plugin-server.ts'
import { EndpointReference, method, Nothing } from './requests.ts'

async function ask(socketPath: string, path: string, { body = '', verb = 'POST' } = {}): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: verb, agent: false }, (response) => {
      text(response).then((answer) => resolve([response.statusCode ?? 0, answer]), reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

test('PluginServer speaks the protocol of Docker on a socket of root alone', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'plugin-'))
  const path = join(dir, 'plugins', 'p.sock')
  const seen: unknown[] = []
  let failures = 0
  const server = new PluginServer({
    path,
    log: quietLogger,
    onFailure: () => failures++,
    methods: new Map([
      method('P.Echo', Nothing, async (request) => {
        seen.push(request)
        return { ok: true }
      }),
      method('P.Full', Nothing, async () => {
        throw new CalicoError('EXHAUSTED', 'Cannot assign: full')
      }),
      method('P.Strict', EndpointReference, async () => ({})),
      method('P.Bug', Nothing, async () => {
        throw new TypeError('oops')
      }),
    ]),
  })
  try {
    mkdirSync(join(dir, 'plugins'))
    writeFileSync(path, 'what a predecessor left')
    await server.listen()
    assert.equal(statSync(path).mode & 0o777, 0o660)
    await answersRows(path)
  } finally {
    await server.close()
    assert.ok(!existsSync(path))
    rmSync(dir, { recursive: true, force: true })
  }
  assert.deepEqual([seen, failures], [[{ a: 1 }, {}, {}], 5])
})

test('closing waits for what was asked already, and takes the socket away at once', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'plugin-'))
  const path = join(dir, 'p.sock')
  const asked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const slow = method('P.Slow', Nothing, async () => {
    asked.resolve()
    await release.promise
    return { ok: true }
  })
  const server = new PluginServer({ path, log: quietLogger, methods: new Map([slow]) })
  await server.listen()
  const answer = ask(path, '/P.Slow')
  await asked.promise
  const closed = server.close()
  assert.ok(!existsSync(path))
  release.resolve()
  assert.deepEqual(await answer, [200, '{"ok":true}'])
  await closed
  rmSync(dir, { recursive: true, force: true })
})

async function answersRows(path: string): Promise<void> {
  const rows: [path: string, body: string, status: number, answer: RegExp][] = [
    ['/P.Echo', '{"a":1}', 200, /^{"ok":true}$/],
    ['/P.Echo', '', 200, /^{"ok":true}$/],
    ['/P.Echo', '{"a":', 400, /^{"Err":"Cannot answer P.Echo: the request is not JSON"}$/],
    ['/P.Strict', '', 400, /the request is empty, as Docker repeats one during which the plugin was killed: try again/],
    ['/P.Strict', '{}', 400, /EndpointID: want a text/],
    ['/P.Full', '{}', 500, /^{"Err":"Cannot assign: full \(release unused addresses, .* or add an IPPool\)"}$/],
    ['/P.Bug', '{}', 500, /^{"Err":"oops"}$/],
    ['/P.None', '{}', 404, /^{"Err":"Calico does not know P.None"}$/],
  ]
  for (const [url, body, status, answer] of rows) {
    const [code, said] = await ask(path, url, { body })
    assert.equal(code, status, url)
    assert.match(said, answer)
  }
  assert.equal((await ask(path, '/P.Echo', { verb: 'GET' }))[0], 200)
}
