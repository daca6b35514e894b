/** The program itself, from source, on a real etcd: what its user sees. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { CalicoClient, openEtcd, parseConnection } from '@calico-node/datastore'
import { makeResource } from '@calico-node/model'
import { quietLogger, waitFor } from '@calico-node/core'
import { withEtcd } from '@calico-node/testkit'

const work = mkdtempSync(join(tmpdir(), 'confd-'))
after(() => rmSync(work, { recursive: true }))

interface Run {
  readonly child: ChildProcess
  readonly status: Promise<number | null>
  output(): string
}

function start(args: readonly string[], env: Readonly<Record<string, string>>): Run {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (more: string) => (text += more))
  const status = once(child, 'exit').then(() => child.exitCode)
  return { child, status, output: () => text }
}

const finish = async (
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ status: number | null; output: string }> => {
  const run = start(args, env)
  return { status: await run.status, output: run.output() }
}

async function withCluster(use: (client: CalicoClient, env: Record<string, string>) => Promise<void>): Promise<void> {
  await withEtcd({}, async (etcd) => {
    const env = {
      ETCD_ENDPOINTS: etcd.urls.join(','),
      NODENAME: 'host1',
      CALICO_CONFD_TEMPLATES: '/nowhere',
      CALICO_SECRETS_DIR: '/nowhere',
    }
    const store = openEtcd(parseConnection({ env }), quietLogger)
    try {
      await use(new CalicoClient(store), env)
    } finally {
      store.close()
    }
  })
}

describe('confd --once --out DIR', () => {
  test('renders, checks, and says by its status how it went', () =>
    withCluster(async (client, env) => {
      const out = join(work, 'once')
      const missing = await finish(['--once', '--out', out], env)
      assert.deepEqual([missing.status, existsSync(out) && readdirSync(out)], [1, []])
      assert.match(missing.output, /Cannot render bird: node "host1" is not in the datastore/)

      await client
        .resources('Node')
        .create(makeResource('Node', { name: 'host1' }, { bgp: { ipv4Address: '10.0.0.1/24' } }))
      await client
        .resources('Node')
        .create(makeResource('Node', { name: 'host2' }, { bgp: { ipv4Address: '10.0.0.2/24' } }))
      const good = await finish(['--once', '--out', out], env)
      assert.equal(good.status, 0, good.output)
      const files = ['bird.cfg', 'bird6.cfg', 'bird6_aggr.cfg', 'bird6_ipam.cfg', 'bird_aggr.cfg', 'bird_ipam.cfg']
      assert.deepEqual(readdirSync(out).toSorted(), files)
      assert.match(readFileSync(join(out, 'bird.cfg'), 'utf8'), /^protocol bgp Mesh_10_0_0_2 /m)

      await client.store.put('/calico/resources/v3/projectcalico.org/bgppeers/bad', '{')
      const partly = await finish(['--once', '--out', out], env)
      assert.equal(partly.status, 2, partly.output)
      assert.match(partly.output, /kind=BGPPeer name=bad/)
    }))

  const wrong: [why: string, args: string[], env: Record<string, string>, says: RegExp][] = [
    ['--once without --out', ['--once'], {}, /^usage: confd/],
    ['--out without --once', ['--out', '/tmp'], {}, /^usage: confd/],
    ['an unknown option', ['--twice'], {}, /Unknown option '--twice'/],
    [
      'no node name',
      ['--once', '--out', '/nowhere/x'],
      { CALICO_NODENAME_FILE: '/nowhere' },
      /Cannot tell which node this is/,
    ],
    [
      'a router id that is none',
      [],
      { NODENAME: 'a', CALICO_ROUTER_ID: '1.2.3' },
      /CALICO_ROUTER_ID: want "hash" or an id/,
    ],
    [
      'several bad settings at once',
      [],
      { NODENAME: 'a', CALICO_ROUTER_ID: 'x', CALICO_BGP_GRACEFUL_RESTART_WAIT: '0' },
      /ROUTER_ID.*GRACEFUL/,
    ],
  ]
  for (const [why, args, env, says] of wrong) {
    test(`${why} is said in one line`, async () => {
      const { status, output } = await finish(args, env)
      assert.equal(status, 1)
      assert.match(output, says)
    })
  }
})

describe('confd', () => {
  test('follows changes, keeps what it has while etcd is away, and ends on SIGTERM', () =>
    withEtcd({}, async (etcd) => {
      const directory = mkdtempSync(join(work, 'follow-'))
      const env = {
        ETCD_ENDPOINTS: etcd.urls.join(','),
        NODENAME: 'host1',
        CALICO_CONFD_CONFIG_DIR: directory,
        CALICO_BIRD_RUN_DIR: directory,
        CALICO_CONFD_TEMPLATES: '/nowhere',
        CALICO_SECRETS_DIR: '/nowhere',
      }
      const store = openEtcd(parseConnection({ env }), quietLogger)
      const client = new CalicoClient(store)
      const node = (name: string, ip: string) =>
        client.resources('Node').create(makeResource('Node', { name }, { bgp: { ipv4Address: `${ip}/24` } }))
      const run = start([], env)
      const has = (text: string): Promise<boolean> =>
        waitFor(text, () => readFileSync(join(directory, 'bird.cfg'), 'utf8').includes(text), { deadlineMs: 20_000 })
      try {
        await node('host1', '10.0.0.1')
        await node('host2', '10.0.0.2')
        await has('Mesh_10_0_0_2')
        await etcd.member.stop('SIGKILL')
        await waitFor('the loss to be noticed', () => /WARNING/.test(run.output()), { deadlineMs: 20_000 })
        assert.ok(readFileSync(join(directory, 'bird.cfg'), 'utf8').includes('Mesh_10_0_0_2'))
        await etcd.restart(etcd.member)
        await node('host3', '10.0.0.3')
        await has('Mesh_10_0_0_3')
        run.child.kill('SIGTERM')
        assert.equal(await run.status, 0, run.output())
      } finally {
        run.child.kill('SIGKILL')
        store.close()
      }
    }))
})
