/** The service folders of runit/ with the launcher from source: what an operator sees of BIRD under supervision. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

const ROOT = join(import.meta.dirname, '../../..')
const SERVICES = ['bird', 'bird6'] as const
const CONFIG = `router id 10.0.0.1;
protocol device { scan time 2; debug { states }; }
protocol kernel { learn; persist; export all; import all; scan time 2; }
`

const work = mkdtempSync(join(tmpdir(), 'services-'))
const place = (name: string): string => join(work, name)
let supervisor: ChildProcess
let output = ''

interface Process {
  readonly pid: number
  readonly argv: readonly string[]
}

/** Every process of this PID namespace, which holds nothing but this test. */
function processes(): readonly Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), argv: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1) }]
      } catch {
        return []
      }
    })
}
const named = (argv0: string): readonly Process[] => processes().filter(({ argv }) => argv[0] === argv0)
const only = (argv0: string): Promise<Process> =>
  waitFor(`one ${argv0}`, () => (named(argv0).length === 1 ? named(argv0)[0] : undefined), { deadlineMs: 15_000 })

const sv = (...args: readonly string[]): void =>
  void execFileSync('sv', args, { env: { ...process.env, SVDIR: place('services') } })

before(() => {
  for (const name of ['bin', 'config', 'run', 'log', 'services']) mkdirSync(place(name))
  writeFileSync(place('bin/bird'), `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/packages/bird/src/main.ts" "$@"\n`, {
    mode: 0o755,
  })
  for (const service of SERVICES) {
    mkdirSync(place(`services/${service}/log`), { recursive: true })
    for (const file of ['run', 'log/run'])
      symlinkSync(join(ROOT, 'runit', service, file), place(`services/${service}/${file}`))
  }
  supervisor = spawn('runsvdir', ['-P', place('services')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      CALICO_BIN: place('bin'),
      CALICO_CONFD_CONFIG_DIR: place('config'),
      CALICO_BIRD_RUN_DIR: place('run/calico'),
      CALICO_LOG_DIR: place('log'),
    },
  })
  supervisor.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
})

after(async () => {
  const ended = once(supervisor, 'exit')
  supervisor.kill('SIGHUP') // sends TERM to every runsv, unlike SIGTERM
  await ended
  await waitFor('the services to end', () => [...named('bird'), ...named('bird6'), ...named('svlogd')].length === 0)
  rmSync(work, { recursive: true })
})

describe('services bird and bird6', () => {
  test('wait for the configuration, then become BIRD', async () => {
    await waitFor(
      'the launchers to say that they wait',
      () => output.match(/Waiting for the configuration/g)?.length === 2,
    )
    assert.equal(named('bird').length, 0)
    writeFileSync(place('config/bird.cfg'), CONFIG)
    writeFileSync(place('config/bird6.cfg'), CONFIG)
    for (const name of SERVICES) {
      const { argv } = await only(name)
      assert.deepEqual(argv, [name, '-d', '-c', place(`config/${name}.cfg`), '-s', place(`run/calico/${name}.ctl`)])
    }
  })

  test('nothing of the launcher is left: small, no files of its own, signals as BIRD wants them', async () => {
    const { pid } = await only('bird')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? ''
    assert.ok(Number(field('VmRSS')) < 10_000, `VmRSS is ${field('VmRSS')} kB`)
    assert.equal(BigInt(`0x${field('SigBlk')}`), 0n)
    const pipe = 1n << 12n
    assert.equal(BigInt(`0x${field('SigIgn')}`) & pipe, pipe)
    const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    assert.deepEqual(
      targets.filter((target) => target.includes('eventpoll') || target.includes('io_uring')),
      [],
    )
  })

  test("BIRD's lines are stamped, kept in a file and repeated on the output of the supervisor", async () => {
    const stamped = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+ bird: device1: State changed to up$/m
    await waitFor('the line in the file', () => stamped.test(readFileSync(place('log/bird/current'), 'utf8')))
    await waitFor('the line on the output', () => stamped.test(output))
    assert.equal(readFileSync(place('log/bird/config'), 'utf8'), 's10000000\nn5\ne*\n')
  })

  test('a killed BIRD comes back, in graceful restart only if it had put routes into the kernel', async () => {
    const first = await only('bird')
    process.kill(first.pid, 'SIGKILL')
    const second = await waitFor('another BIRD', () => named('bird').find(({ pid }) => pid !== first.pid), {
      deadlineMs: 15_000,
    })
    assert.ok(!second.argv.includes('-R'))
    execFileSync('ip', ['route', 'add', 'blackhole', '10.99.0.0/26', 'proto', '12'])
    process.kill(second.pid, 'SIGKILL')
    const third = await waitFor('a third BIRD', () => named('bird').find(({ pid }) => pid > second.pid), {
      deadlineMs: 15_000,
    })
    assert.ok(third.argv.includes('-R'))
    assert.ok(!(await only('bird6')).argv.includes('-R'), 'the other family is not concerned')
  })

  test('killed supervisors of services never leave two of anything', async () => {
    const [bird, log] = [await only('bird'), named('svlogd')]
    assert.equal(log.length, 2)
    for (const { pid } of named('runsv')) process.kill(pid, 'SIGKILL')
    await waitFor('the orphans to end', () =>
      [bird, ...log].every(({ pid }) => !processes().some((other) => other.pid === pid && other.argv.length > 0)),
    )
    for (const name of SERVICES) await only(name)
    await waitFor('two log services', () => named('svlogd').length === 2)
    assert.equal(named('runsv').length, 2)
  })

  test('a log service that dies does not take BIRD with it', async () => {
    const { pid } = await only('bird')
    for (const { pid: log } of named('svlogd')) process.kill(log, 'SIGKILL')
    await waitFor('new log services', () => named('svlogd').length === 2)
    sv('restart', 'bird6')
    await only('bird6')
    assert.equal((await only('bird')).pid, pid)
  })
})
