// Checks against real services under a real runsvdir, with a real BIRD and an HTTP server that answers as Felix does.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { quietLogger, waitFor } from '@calico-node/core'
import { CalicoClient, MemoryKvStore } from '@calico-node/datastore'
import { parseNodeName } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import { resolveConfig } from '../params.ts'
import { type CheckName, checksOf, runChecks } from './checks.ts'
import { createHealthServer } from './server.ts'
import { markShutdown, shutdownMarker } from './shutdown-marker.ts'
import { listServices, type Surroundings, surroundingsOf } from './surroundings.ts'

requireOwnNamespace()

const work = mkdtempSync(join(tmpdir(), 'health-'))
const place = (name: string): string => join(work, name)
const BIRD = `router id 10.0.0.1; listen bgp port 1790;
protocol device {}
protocol bgp Mesh_127_0_0_2 { local 127.0.0.1 as 64512; neighbor 127.0.0.2 as 64512; multihop; connect delay time 1; }
`
let supervisor: ChildProcess
let felixStatus = 200
const felix = createServer((request, response) => {
  response.writeHead(felixStatus).end(`${request.url ?? ''} says ${felixStatus}\n`)
})
let at: Surroundings

function service(name: string, run: string): void {
  mkdirSync(place(`services/${name}`), { recursive: true })
  writeFileSync(place(`services/${name}/run`), `#!/bin/sh\nexec setpriv --pdeathsig KILL ${run}\n`, { mode: 0o755 })
}
const pidOf = (name: string): number => Number(readFileSync(place(`services/${name}/supervise/pid`), 'utf8'))
const one = async (name: CheckName): Promise<string> => {
  const [result] = await runChecks([name], at)
  return `${result?.ok === true ? 'ok' : 'bad'}: ${result?.detail ?? ''}`
}
const becomes = (name: CheckName, pattern: RegExp): Promise<string> =>
  waitFor(
    `${name} to say ${pattern}`,
    async () => {
      const said = await one(name)
      if (!pattern.test(said)) throw new Error(said)
      return said
    },
    { deadlineMs: 15_000 },
  )

before(async () => {
  writeFileSync(place('bird.cfg'), BIRD)
  writeFileSync(place('bird6.cfg'), 'router id 10.0.0.1;\nprotocol device {}\n')
  for (const name of ['felix', 'confd', 'node-services']) service(name, 'sleep 600')
  for (const name of ['bird', 'bird6'])
    service(name, `${name} -d -c ${place(`${name}.cfg`)} -s ${place(`${name}.ctl`)}`)
  supervisor = spawn('runsvdir', ['-P', place('services')], { stdio: 'ignore' })
  await new Promise<void>((resolve) => felix.listen(0, '127.0.0.1', resolve))
  const address = felix.address()
  assert.ok(typeof address === 'object' && address !== null)
  writeFileSync(place('nodename'), 'host1')
  at = surroundingsOf({
    FELIX_HEALTHHOST: '127.0.0.1',
    FELIX_HEALTHPORT: String(address.port),
    SVDIR: place('services'),
    CALICO_BIRD_RUN_DIR: work,
    CALICO_NODENAME_FILE: place('nodename'),
  })
})
after(() => {
  supervisor.kill('SIGHUP')
  felix.close()
  rmSync(work, { recursive: true, force: true })
})

describe('checks of a node', () => {
  test('start-up that has not finished', () => {
    assert.throws(() => listServices({ ...at, servicesDir: place('nowhere') }), { code: 'NOT_FOUND' })
  })

  test('the services that run decide what is checked', () => {
    assert.deepEqual(checksOf(['felix']), ['felix-live', 'felix-ready'])
    assert.equal(checksOf(listServices(at)).length, 8)
  })

  test('felix: as its own answer', async () => {
    assert.match(await one('felix-ready'), /^ok: status 200$/)
    felixStatus = 503
    assert.match(await one('felix-ready'), /^bad: status 503: \/readiness says 503$/)
    assert.match(await one('felix-live'), /^bad: status 503: \/liveness says 503$/)
    felixStatus = 200
    const [result] = await runChecks(['felix-live'], { ...at, felixUrl: 'http://127.0.0.1:9' })
    assert.match(result?.detail ?? '', /Cannot ask http:\/\/127.0.0.1:9\/liveness: .*ECONNREFUSED/)
  })

  test('felix without a health server: as its supervisor sees it', async () => {
    at = { ...at, felixUrl: undefined }
    await becomes('felix-live', /^ok: service felix in state run/)
  })

  test('bird: alive when it answers and confd runs', async () => {
    await becomes('bird-live', /^ok: BIRD 1\.6\.8$/)
    await becomes('bird6-live', /^ok: BIRD 1\.6\.8$/)
  })

  test('bird: ready with its sessions', async () => {
    assert.match(await one('bird-ready'), /^bad: 0 of 1 sessions established; Mesh_127_0_0_2 /)
    assert.match(await one('bird6-ready'), /^ok: no peers$/)
  })

  test('a BIRD that hangs with its socket open is not alive', async () => {
    process.kill(pidOf('bird'), 'SIGSTOP')
    assert.match(await one('bird-live'), /^bad: .*no answer within 2000 ms/)
    process.kill(pidOf('bird'), 'SIGCONT')
    await becomes('bird-live', /^ok/)
  })

  test('a service that was killed shows, and is well again when it has settled', async () => {
    process.kill(pidOf('confd'), 'SIGKILL')
    await becomes('bird-live', /^bad: service confd in state \w+ for [01]\.\d s$/)
    await becomes('bird-live', /^ok/)
  })

  test('a service that ends again and again is never well', async () => {
    service('node-services', 'false')
    process.kill(pidOf('node-services'), 'SIGKILL')
    await becomes('node-services-live', /^bad/)
    for (const end = Date.now() + 3000; Date.now() < end; ) assert.match(await one('node-services-live'), /^bad/)
    service('node-services', 'sleep 600')
    await becomes('node-services-live', /^ok/)
  })

  test('health of the whole node over HTTP', async () => {
    const server = createHealthServer(at)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const ask = async (path: string): Promise<[number, string]> => {
      const answer = await fetch(`http://127.0.0.1:${address.port}${path}`)
      return [answer.status, await answer.text()]
    }
    const [live, text] = await ask('/liveness')
    assert.equal(live, 200, text)
    assert.match(text, /^felix-live: ok, .*\nconfd-live: ok, .*\nbird-live: ok, /)
    const [ready, why] = await ask('/readiness')
    assert.equal(ready, 503)
    assert.match(why, /^bird-ready: FAILED, 0 of 1 sessions established/m)
    assert.equal((await ask('/'))[0], 404)
    server.close()
  })

  test('the mark of a planned shutdown stays until the node is well', async () => {
    const env = { SVDIR: place('services'), CALICO_BIRD_RUN_DIR: work, FELIX_HEALTHENABLED: 'false' }
    Object.assign(process.env, env, {
      CALICO_NODENAME_FILE: place('nodename'),
      CALICO_SHUTDOWN_TIMESTAMP_FILE: place('shutdownTS'),
    })
    markShutdown(process.env, new Date('2026-01-31T10:20:30.456Z'))
    assert.equal(readFileSync(place('shutdownTS'), 'utf8'), '2026-01-31T10:20:30Z')
    const stop = new AbortController()
    const run = shutdownMarker.run({
      client: new CalicoClient(new MemoryKvStore()),
      node: parseNodeName('host1'),
      config: resolveConfig({}),
      log: quietLogger,
      signal: stop.signal,
    })
    await becomes('bird-ready', /^bad/)
    assert.ok(existsSync(place('shutdownTS')))
    writeFileSync(place('bird.cfg'), BIRD.replace(/^protocol bgp .*$/m, ''))
    process.kill(pidOf('bird'), 'SIGHUP')
    await waitFor('the mark to go', () => !existsSync(place('shutdownTS')), { deadlineMs: 15_000 })
    stop.abort()
    await run
  })
})
