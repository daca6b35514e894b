/** `node status` on a namespace with real BIRDs: one peer that answers, one that does not. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { BirdClient } from '@calico-node/birdc'
import { quietLogger, waitFor } from '@calico-node/core'
import { CalicoClient, MemoryKvStore } from '@calico-node/datastore'
import { run } from '@calico-node/linux'
import { parseNodeName } from '@calico-node/model'
import { resolveConfig, SERVICES } from '@calico-node/node-services'
import { type RunningBird, startBird, requireOwnNamespace } from '@calico-node/testkit'
import { withdraw } from './commands/node/stop.ts'
import { cli } from './harness.test.ts'

requireOwnNamespace()

const GROUP = 12_345

const config = (own: string, peer: string, more = ''): string => `
router id ${own};
protocol device {}
protocol bgp Mesh_${peer.replaceAll('.', '_')} {
  local ${own} as 64512; neighbor ${peer} as 64512; multihop; connect delay time 1; connect retry time 1; error wait time 1, 1;
}
${more}`
const WRONG =
  'protocol bgp Global_10_9_0_2_port_1790 { local 10.9.0.1 as 64512; neighbor 10.9.0.2 port 1790 as 64512; multihop; connect retry time 1; }'
const DEAD =
  'protocol bgp Global_10_9_0_77_port_1790 { local 10.9.0.1 as 64512; neighbor 10.9.0.77 port 1790 as 65000; multihop; connect retry time 1; }'

let dir: string
let own: RunningBird
let peer: RunningBird
let felix: ChildProcess
const status = (line: string) => cli(line, { env: { CALICO_BIRD_RUN_DIR: dir } })

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'status-'))
  await run('ip', ['netns', 'add', 'peer'])
  await run('ip', ['link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'peer'])
  await run('ip', ['address', 'add', '10.9.0.1/24', 'dev', 'eth0'])
  await run('ip', ['link', 'set', 'eth0', 'up'])
  await run('ip', ['-n', 'peer', 'address', 'add', '10.9.0.2/24', 'dev', 'eth0'])
  await run('ip', ['-n', 'peer', 'link', 'set', 'eth0', 'up'])
  felix = spawn('sleep', ['600'], { argv0: 'calico-felix' })
  own = await startBird({ dir, config: config('10.9.0.1', '10.9.0.2') })
  peer = await startBird({ netns: 'peer', config: config('10.9.0.2', '10.9.0.1') })
})
after(async () => {
  felix.kill()
  await Promise.all([own.stop(), peer.stop()])
  rmSync(dir, { recursive: true })
})

describe('node status', () => {
  test('shows an established session and exits 0', async () => {
    await waitFor('the session', async () => (await status('node status')).exit === 0, { deadlineMs: 20_000 })
    const { stdout, stderr } = await status('node status')
    assert.equal(stderr, '')
    assert.match(stdout, /^Calico process is running\.\n\nIPv4 BGP status\n\+/)
    assert.match(stdout, /^\| 10\.9\.0\.2 +\| node-to-node mesh \| up +\| \S+ +\| Established +\|$/m)
    assert.match(stdout, /INFO: BIRDv6 process: 'bird6' is not running\./)
    assert.match((await status('status')).stdout, /\| Peer address \|/)
  })
  test('exits 2 while a session is down, and tells port and state', async () => {
    await run('birdc', ['-s', own.socket, 'configure', `"${writeConfig()}"`])
    const { exit, stdout } = await status('node status')
    assert.equal(exit, 2)
    assert.match(stdout, /^\| 10\.9\.0\.77\.port\.1790 \| global +\| start \|/m)
    assert.match(stdout, /^10\.9\.0\.77: (no answer from TCP port 1790|the peer cannot be reached)/m)
    const json = JSON.parse((await status('node status -o json')).stdout)
    assert.deepEqual(json.families[0].peers.map((one: { established: boolean }) => one.established).toSorted(), [
      false,
      true,
    ])
  })
  test('says why: nobody listens, another AS number, a stranger', async () => {
    writeFileSync(
      join(dir, 'wrong.cfg'),
      config('10.9.0.1', '10.9.0.2', WRONG).replace('10.9.0.2 as 64512', '10.9.0.2 as 64999'),
    )
    await run('birdc', ['-s', own.socket, 'configure', `"${join(dir, 'wrong.cfg')}"`])
    await waitFor(
      'the reasons',
      async () => {
        const { stdout } = await status('node status')
        return (
          /^10\.9\.0\.2: the peer has AS number 64512, and 64999 is configured here/m.test(stdout) &&
          /^10\.9\.0\.2: nobody listens on TCP port 1790 of the peer/m.test(stdout)
        )
      },
      { deadlineMs: 20_000 },
    )
  })
  test('tells what confd left out', async () => {
    const problems = [{ kind: 'BGPPeer', name: 'odd', reason: 'is left out: its password is too long' }]
    writeFileSync(join(dir, 'confd.json'), JSON.stringify({ daemons: { bird: 'failed' }, problems }))
    const { stdout } = await status('node status')
    assert.match(stdout, /^WARNING: bird does not run its newest configuration/m)
    assert.match(stdout, /^ {2}BGPPeer "odd" is left out: its password is too long$/m)
  })
  test('says that BIRD does not answer, and exits 2', async () => {
    process.kill(own.pid, 'SIGSTOP')
    try {
      const { exit, stdout } = await status('node status')
      assert.equal(exit, 2)
      assert.match(stdout, /IPv4 BGP status\nCannot ask BIRD at .*bird\.ctl: no answer within 2000 ms/)
    } finally {
      process.kill(own.pid, 'SIGCONT')
    }
  })
  test('who is not root sees what the service bgp-status serves to a group, and a stranger sees why not', async () => {
    chownSync(dir, 0, GROUP)
    chmodSync(dir, 0o750)
    const stop = new AbortController()
    const config = resolveConfig({ CALICO_BIRD_RUN_DIR: dir })
    const store = new CalicoClient(new MemoryKvStore())
    const [service] = SERVICES.filter(({ name }) => name === 'bgp-status')
    const running = service?.run({
      client: store,
      node: parseNodeName('n'),
      config,
      log: quietLogger,
      signal: stop.signal,
    })
    try {
      const member = (line: string) => asUser(GROUP, () => status(line))
      await waitFor('the socket', () => existsSync(join(dir, 'bgp-status.sock')))
      await waitFor('an answer', async () => /seconds ago/.test((await member('node status')).stdout))
      const { exit, stdout } = await member('node status')
      assert.equal(exit, 2)
      assert.match(stdout, /^IPv4 BGP status, as it was some seconds ago\n\+/m)
      assert.match(stdout, /^10\.9\.0\.2: .*(64999 is configured here|Bad peer AS)/m)
      assert.match(stdout, /^ {2}BGPPeer "odd" is left out/m)
      const stranger = await asUser(65_534, () => status('node status'))
      assert.match(stranger.stdout + stranger.stderr, /EACCES|permission denied/)
    } finally {
      stop.abort()
      await running
    }
  })
  test('node stop --withdraw ends the sessions, and the peer loses the routes at once', async () => {
    const ended = await withdraw(dir)
    assert.ok(ended.includes('Mesh_10_9_0_2'))
    const peers = await new BirdClient(peer.socket).protocols()
    assert.notEqual(peers.find(({ proto }) => proto === 'BGP')?.info, 'Established')
  })
  test('exits 1 when Felix does not run', async () => {
    felix.kill()
    await waitFor('the end of the process', () => felix.signalCode !== null)
    const { exit, stderr } = await status('node status')
    assert.deepEqual([exit, stderr], [1, 'Calico process is not running.\n'])
  })
})

/** Runs something with the rights of a user who is not root, and of one group. */
async function asUser<T>(group: number, work: () => Promise<T>): Promise<T> {
  process.setgroups?.([group])
  process.setegid?.(group)
  process.seteuid?.(65_534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
    process.setgroups?.([0])
  }
}

function writeConfig(): string {
  const path = join(dir, 'with-dead-peer.cfg')
  writeFileSync(path, config('10.9.0.1', '10.9.0.2', DEAD))
  return path
}
