import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { BirdClient } from '@calico-node/birdc'
import { waitFor } from '@calico-node/core'
import { startBird, type RunningBird, requireOwnNamespace } from '@calico-node/testkit'
import type { DaemonManifest } from '../render/manifest.ts'
import type { FileSet } from '../render/render.ts'
import { LogBook } from '../testing/hosts.ts'
import { BirdDaemon } from './bird-daemon.ts'
import { seal } from './seal.ts'
import { ConfigDirectory } from './config-directory.ts'

requireOwnNamespace()

const MANIFEST: DaemonManifest = {
  name: 'bird',
  ipVersion: 4,
  check: ['bird', '-p', '-c', '{file}'],
  reload: 'bird.ctl',
  files: [
    { output: 'part.cfg', source: 'unused' },
    { output: 'bird.cfg', source: 'unused' },
  ],
}

/** A main file that includes the other, with a session for each address. */
const filesFor = (...addresses: readonly string[]): FileSet =>
  new Map([
    [
      'part.cfg',
      addresses.map((ip, i) => `protocol bgp P${i} { local as 1; neighbor ${ip} as 2; multihop; }\n`).join(''),
    ],
    ['bird.cfg', 'router id 1.1.1.1;\ninclude "part.cfg";\nprotocol device { }\n'],
  ])
const target = (...addresses: readonly string[]) => ({
  files: filesFor(...addresses),
  sessions: addresses.map((_, i) => `P${i}`),
})

let dir = ''
let log = new LogBook()
let bird: RunningBird | undefined
const client = (): BirdClient => new BirdClient(join(dir, 'bird.ctl'))
const directory = (): ConfigDirectory => new ConfigDirectory(dir, MANIFEST)
const daemon = (): BirdDaemon =>
  new BirdDaemon({ name: 'bird', directory: directory(), client: client(), log, settleMs: 300 })
const names = async (): Promise<readonly string[]> =>
  (await client().protocols()).filter(({ proto }) => proto === 'BGP').map(({ name }) => name)
const reconfigurations = (): number => (bird?.log().match(/^bird: Reconfigur(ing|ation requested)/gm) ?? []).length

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'daemon-'))
  log = new LogBook()
})
afterEach(async () => {
  await bird?.stop()
  bird = undefined
  rmSync(dir, { recursive: true, force: true })
})

describe('ConfigDirectory', () => {
  test('judges the set as it will be, includes and all, and leaves what is installed alone', async () => {
    directory().install(filesFor('10.0.0.1'))
    assert.deepEqual(await directory().check(filesFor('10.0.0.2')), { ok: true })
    const verdict = await directory().check(
      new Map([
        ['part.cfg', 'nonsense;'],
        ['bird.cfg', 'include "part.cfg";'],
      ]),
    )
    assert.deepEqual(verdict, { ok: false, message: 'part.cfg:1:1 syntax error' })
    assert.deepEqual(directory().installed(), filesFor('10.0.0.1'))
  })

  test('files are not for everybody, keep the mode an operator gave them, and leave no stage behind', () => {
    directory().install(filesFor())
    const mode = (): number => statSync(join(dir, 'bird.cfg')).mode & 0o777
    assert.equal(mode(), 0o640)
    execFileSync('chmod', ['600', join(dir, 'bird.cfg')])
    directory().install(filesFor('10.0.0.1'))
    assert.equal(mode(), 0o600)
    assert.deepEqual(readdirSync(dir).toSorted(), ['bird.cfg', 'part.cfg'])
  })

  test('a file that is a mount of its own is overwritten in place', () => {
    directory().install(filesFor())
    const [own, mounted] = [join(dir, 'elsewhere'), join(dir, 'bird.cfg')]
    writeFileSync(own, '')
    execFileSync('mount', ['--bind', own, mounted])
    try {
      directory().install(
        new Map([
          ['part.cfg', ''],
          ['bird.cfg', 'router id 9.9.9.9;\n'],
        ]),
      )
      assert.equal(readFileSync(own, 'utf8'), 'router id 9.9.9.9;\n')
    } finally {
      execFileSync('umount', [mounted])
    }
  })

  test('half a set is no set', () => {
    directory().install(filesFor())
    rmSync(join(dir, 'part.cfg'))
    assert.equal(directory().installed(), undefined)
  })
})

describe('BirdDaemon', () => {
  test('installs before BIRD is there, and BIRD that starts afterwards is not reloaded', async () => {
    const subject = daemon()
    assert.equal(await subject.apply(target('10.0.0.1')), 'waiting')
    bird = await startBird({ dir })
    assert.equal(await subject.apply(target('10.0.0.1')), 'running')
    assert.equal(reconfigurations(), 0)
  })

  test('reloads once for a change and never without one, over restarts of confd as well', async () => {
    directory().install(filesFor('10.0.0.1'))
    bird = await startBird({ dir })
    const subject = daemon()
    await subject.apply(target('10.0.0.1', '10.0.0.2'))
    assert.deepEqual(await names(), ['P0', 'P1'])
    for (const each of [subject, subject, daemon(), daemon()])
      assert.equal(await each.apply(target('10.0.0.1', '10.0.0.2')), 'running')
    assert.equal(reconfigurations(), 1)
  })

  test('a reload that was missed, because confd died before it, is made up for', async () => {
    directory().install(filesFor('10.0.0.1'))
    bird = await startBird({ dir })
    directory().install(seal(filesFor('10.0.0.1', '10.0.0.2')).files)
    assert.equal(await daemon().apply(target('10.0.0.1', '10.0.0.2')), 'running')
    assert.deepEqual(await names(), ['P0', 'P1'])
  })

  test('a BIRD that somebody pointed to another file is brought back', async () => {
    bird = await startBird({ dir, config: 'router id 1.1.1.1;\nprotocol device { }\n' })
    const subject = daemon()
    await subject.apply(target('10.0.0.1'))
    writeFileSync(join(dir, 'other.cfg'), 'router id 1.1.1.1;\nprotocol device { }\n')
    await client().query(`configure "${join(dir, 'other.cfg')}"`)
    await waitFor('the session to go', async () => (await names()).length === 0)
    assert.equal(await subject.apply(target('10.0.0.1')), 'running')
    assert.deepEqual(await names(), ['P0'])
  })

  test('a BIRD that reads its configuration elsewhere is an error, not a success', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'elsewhere-'))
    bird = await startBird({ dir: elsewhere, config: 'router id 1.1.1.1;\nprotocol device { }\n' })
    const subject = new BirdDaemon({
      name: 'bird',
      directory: directory(),
      client: new BirdClient(bird.socket),
      log,
      settleMs: 100,
    })
    await assert.rejects(subject.apply(target('10.0.0.1')), {
      code: 'APPLY_FAILED',
      message: /does not read the files/,
    })
    await bird.stop()
    rmSync(elsewhere, { recursive: true })
  })

  test('what cannot be repaired is an alarm, once, and so is its end', async () => {
    directory().install(filesFor('10.0.0.1'))
    bird = await startBird({ dir })
    const subject = daemon()
    const wrong = { files: filesFor('10.0.0.1'), sessions: ['P0', 'P1'] }
    for (let i = 0; i < 3; i++) await subject.apply(wrong)
    assert.equal(log.lines.filter(({ level }) => level === 'error').length, 1)
    await subject.apply(target('10.0.0.1'))
    assert.match(log.text(), /info BIRD runs the configured sessions again/)
  })

  test('a configuration that BIRD refuses is taken back, and BIRD goes on', async () => {
    directory().install(filesFor('10.0.0.1'))
    bird = await startBird({ dir })
    const subject = daemon()
    const bad = new Map([
      ['part.cfg', 'nonsense;'],
      ['bird.cfg', 'include "part.cfg";'],
    ])
    await assert.rejects(subject.apply({ files: bad, sessions: [] }), {
      code: 'APPLY_FAILED',
      message: /part\.cfg:1:1 syntax error/,
    })
    assert.deepEqual(directory().installed(), filesFor('10.0.0.1'))
    assert.deepEqual(await names(), ['P0'])
    assert.equal(await subject.apply(target('10.0.0.1', '10.0.0.3')), 'running')
  })

  test('a BIRD that died and came back runs what is installed', async () => {
    bird = await startBird({ dir, config: 'router id 1.1.1.1;\nprotocol device { }\n' })
    const subject = daemon()
    assert.equal(await subject.apply(target('10.0.0.1')), 'running')
    await bird.stop('SIGKILL')
    assert.equal(await subject.apply(target('10.0.0.1', '10.0.0.2')), 'waiting')
    bird = await startBird({ dir })
    assert.equal(await waitFor('it to run', () => subject.apply(target('10.0.0.1', '10.0.0.2'))), 'running')
    assert.deepEqual(await names(), ['P0', 'P1'])
  })
})
