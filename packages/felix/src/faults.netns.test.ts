/** What goes wrong around a running Felix: its tools, its store, other programs, the interfaces. Traffic goes on all the time. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { quietLogger, sleep, waitFor } from '@calico-node/core'
import { type KvStore, openEtcd } from '@calico-node/datastore'
import { CuttingProxy, requireOwnNamespace, TestEtcd } from '@calico-node/testkit'
import { stored, workload } from './calc/graph-testing.ts'
import {
  bothVersions,
  expectDrop,
  expectPass,
  HostScene,
  sh,
  VARIANTS,
  VERSIONS,
  type Workload,
} from './dataplane/host-scene.test.ts'
import { CLUSTER_READY, FelixProcess } from './felix-process.test.ts'
import { type Harm, harmDuring } from './flows-under-fault.test.ts'

requireOwnNamespace()

const HEALTH = 'http://localhost:9099'
const NO_HARM: Harm = { lost: 0, leaked: 0 }
const TOOLS = [
  'ip',
  'bridge',
  'ipset',
  'conntrack',
  'setpriv',
  'stdbuf',
  'xtables-monitor',
  'inotifywait',
  'modprobe',
  'sh',
  'cat',
]
const RULE_TOOLS = ['iptables', 'ip6tables'].flatMap((tool) =>
  VARIANTS.flatMap((variant) => ['', '-save', '-restore'].map((what) => `${tool}-${variant}${what}`)),
)
const ETCD_QUOTA_BYTES = 16 * 1024 * 1024

for (const variant of VARIANTS) {
  describe(`faults around Felix, iptables-${variant}`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'felix-faults-'))
    const other = variant === 'nft' ? 'legacy' : 'nft'
    let host: HostScene
    let etcd: TestEtcd
    let network: CuttingProxy
    let store: KvStore
    let felix: FelixProcess
    let a: Workload
    let b: Workload
    let c: Workload

    const put = async (...entries: readonly (readonly [key: string, value: string])[]): Promise<void> => {
      for (const [key, value] of entries) await store.put(key, value)
    }
    const endpoint = ({ peer, ip }: Workload, role: string): [string, string] =>
      workload(peer.name, { ips: [ip[4], ip[6]], profiles: ['open'], labels: { role } })
    const allowClients = stored('globalnetworkpolicies', 'default.servers', {
      tier: 'default',
      selector: "role == 'server'",
      types: ['Ingress'],
      ingress: [{ action: 'Allow', source: { selector: "role == 'client'" } }],
    })
    const harm = (work: () => Promise<unknown>): Promise<Harm> => harmDuring({ allowed: a, denied: c, target: b }, work)
    /** A change that is seen in packets: d becomes somebody who may talk to b, or stops being it. */
    let d: Workload
    const setRole = (role: 'client' | 'other'): Promise<void> => put(endpoint(d, role))
    const expectRole = (role: 'client' | 'other'): Promise<void> =>
      (role === 'client' ? expectPass : expectDrop)(...bothVersions({ from: d, to: b, protocol: 'tcp' }))
    const readiness = async (): Promise<{ ready: boolean; text: string }> => {
      const answer = await fetch(`${HEALTH}/readiness`)
      return { ready: answer.ok, text: await answer.text() }
    }
    const unready = (reason: RegExp): Promise<boolean> =>
      waitFor(`readiness to fail because of ${reason}`, async () => {
        const { ready, text } = await readiness()
        if (ready || !reason.test(text)) throw new Error(`it says ${text}`)
        return true
      })
    const ready = (): Promise<boolean> => waitFor('readiness', async () => (await readiness()).ready)
    /** Felix finds its tools here and nowhere else. @param script What runs in place of the tool; undefined: there is none. */
    const replaceTool = (name: string, script: string | undefined): void => {
      rmSync(join(dir, name), { force: true })
      if (script !== undefined) writeFileSync(join(dir, name), script, { mode: 0o755 })
    }
    const restoreTool = (name: string): void => {
      rmSync(join(dir, name), { force: true })
      symlinkSync(execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(), join(dir, name))
    }

    before(async () => {
      for (const tool of [...TOOLS, ...RULE_TOOLS]) restoreTool(tool)
      host = await HostScene.create(variant)
      ;[a, b, c] = [await host.addWorkload('a', 1), await host.addWorkload('b', 2), await host.addWorkload('c', 3)]
      d = await host.addWorkload('d', 4)
      etcd = await TestEtcd.start({ args: [`--quota-backend-bytes=${ETCD_QUOTA_BYTES}`] })
      network = await CuttingProxy.start(etcd.member.clientPort)
      store = openEtcd({ endpoints: etcd.urls }, quietLogger)
      await put(
        CLUSTER_READY,
        stored('tiers', 'default', { order: 1_000_000 }),
        stored('profiles', 'open', { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] }),
        endpoint(a, 'client'),
        endpoint(b, 'server'),
        endpoint(c, 'stranger'),
        endpoint(d, 'other'),
        allowClients,
      )
      felix = new FelixProcess(
        { etcd: `http://127.0.0.1:${network.port}`, variant },
        {
          PATH: dir,
          FELIX_IPTABLESLOCKFILEPATH: join(dir, 'xtables.lock'),
          FELIX_HEALTHENABLED: 'true',
          FELIX_HEALTHPORT: '9099',
          FELIX_MAXIPSETSIZE: '16',
          FELIX_IPSETSREFRESHINTERVAL: '2',
          FELIX_DATAPLANEWATCHDOGTIMEOUT: '20',
        },
      )
      for (const tool of ['iptables', 'ip6tables']) {
        await sh(`${tool}-${other} -N cali-FORWARD; ${tool}-${other} -A cali-FORWARD -j DROP
          ${tool}-${other} -A FORWARD -j cali-FORWARD; ${tool}-${other} -A INPUT -s 192.0.2.1 -j DROP 2>/dev/null || true`)
      }
      felix.start()
      await felix.inSync(1)
      await expectPass(...bothVersions({ from: a, to: b }))
    })
    beforeEach(async () => {
      await put(allowClients, endpoint(d, 'other'))
      await expectRole('other')
      await ready()
    })
    after(async () => {
      await felix.kill('SIGKILL')
      store.close()
      await network.stop()
      await etcd.stop()
      await host.destroy()
      rmSync(dir, { recursive: true })
    })

    test('control: without a fault nothing is lost and nothing passes', async () => {
      assert.deepEqual(await harm(() => sleep(500)), NO_HARM)
    })

    test('rules of ours in the other variant, which drop everything, are told of and removed; those of others stay', async () => {
      assert.match(felix.log, /The other iptables variant holds rules of ours.*filter\/IPv4/)
      const rules = await sh(`iptables-${other}-save; ip6tables-${other}-save`)
      assert.doesNotMatch(rules, /cali/)
      assert.match(rules, /-A INPUT -s 192\.0\.2\.1/)
    })

    test('another program that writes rules all the time: neither loses a rule', async () => {
      const script = `n=0; while [ ! -e ${dir}/enough ]; do
        for rule in 'iptables 192.0.2.9' 'ip6tables 2001:db8::9'; do
          set -- $rule
          $1-${variant} -w -I FORWARD -s $2 -j DROP || exit 1
          $1-${variant} -w -D FORWARD -s $2 -j DROP || exit 1
        done; n=$((n+1)); done; echo $n`
      const other = spawn('sh', ['-c', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, XTABLES_LOCKFILE: join(dir, 'xtables.lock') },
      })
      let said = ''
      other.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
      const ended = new Promise<number | null>((done) => other.on('exit', done))
      const seen = await harm(async () => {
        for (let round = 0; round < 3; round++) {
          // a policy of its own in each round, so that rules change and not only sets
          const [key, value] = stored('globalnetworkpolicies', `default.round${round}`, {
            tier: 'default',
            order: 1,
            selector: "role == 'server'",
            types: ['Ingress'],
            ingress: VERSIONS.map((version) => ({
              action: 'Allow',
              source: { nets: [`${d.ip[version]}/${version === 4 ? 32 : 128}`] },
            })),
          })
          await put([key, value])
          await expectRole('client')
          await store.delete(key)
          await expectRole('other')
        }
      }).finally(() => writeFileSync(join(dir, 'enough'), ''))
      assert.equal(await ended, 0, 'a rule of the other program was gone before it removed it')
      assert.ok(Number(said) > 5, `only ${said} rounds`)
      assert.deepEqual(seen, NO_HARM)
      await ready()
    })

    test('rules flushed by another program are repaired because it is heard of, not by the clock', async () => {
      const rules = (): Promise<string> => sh(`iptables-${variant}-save -t filter | grep -v '^[#:]'`)
      const before = await rules()
      for (let round = 0; round < 3; round++) {
        await sh(`XTABLES_LOCKFILE=${dir}/xtables.lock iptables-${variant} -w -F`)
        await waitFor('the repair', async () => (await rules()) === before, { deadlineMs: 8000, pollMs: 20 })
      }
    })

    /** Lets in guests as well, and makes d one of them: a change of rules and sets. */
    const inviteGuest = (): Promise<void> =>
      put(
        stored('globalnetworkpolicies', 'default.servers', {
          tier: 'default',
          selector: "role == 'server'",
          types: ['Ingress'],
          ingress: [{ action: 'Allow', source: { selector: "role in {'client', 'guest'}" } }],
        }),
        endpoint(d, 'guest'),
      )

    if (variant === 'legacy') {
      test('the lock of iptables held by somebody: a change waits for it', async () => {
        const seen = await harm(async () => {
          const holder = spawn('flock', [join(dir, 'xtables.lock'), 'sleep', '3'], { stdio: 'ignore' })
          const released = new Promise((done) => holder.on('exit', done))
          await sleep(200)
          await inviteGuest()
          await sleep(1000)
          assert.equal(await d.peer.ping(b.ip[4]), 0, 'the change was made under the lock of another')
          await released
          await expectRole('client')
        })
        assert.deepEqual(seen, NO_HARM)
      })
    }

    const restores = [`iptables-${variant}-restore`, `ip6tables-${variant}-restore`]
    const script = '#!/bin/sh\n/bin/cat >/dev/null\necho out of order >&2\nexit 4\n'
    const broken: readonly (readonly [what: string, tools: readonly string[], script: string | undefined])[] = [
      ['iptables-restore fails', restores, script],
      ['iptables-restore is missing', restores, undefined],
      ['ipset fails', ['ipset'], script],
      ['ipset is missing', ['ipset'], undefined],
    ]
    for (const [what, tools, instead] of broken) {
      test(`${what}: Felix is not ready and says why, what stands stays, and it catches up`, async () => {
        const seen = await harm(async () => {
          for (const tool of tools) replaceTool(tool, instead)
          await inviteGuest()
          await unready(instead === undefined ? /no such program/ : /out of order/)
          await expectRole('other')
          assert.equal((await fetch(`${HEALTH}/liveness`)).status, 200)
          for (const tool of tools) restoreTool(tool)
          await ready()
          await expectRole('client')
        }).finally(() => tools.forEach(restoreTool))
        assert.deepEqual(seen, NO_HARM)
      })
    }

    test('more members than a set may have: it is named, the rest goes on, and it is mended', async () => {
      const nets = Array.from({ length: 20 }, (_, number) => `203.0.113.${number}/32`)
      const seen = await harm(async () => {
        await put(
          stored('globalnetworksets', 'many', { nets }, { labels: { kind: 'many' } }),
          stored('globalnetworkpolicies', 'default.many', {
            tier: 'default',
            selector: "role == 'stranger'",
            types: ['Ingress'],
            ingress: [{ action: 'Allow', source: { selector: "kind == 'many'" } }],
          }),
        )
        await waitFor('the set to be named', async () => /\b20\b.*\b16\b|\b16\b.*\b20\b/.test((await readiness()).text))
        await setRole('client')
        await expectRole('client')
        await setRole('other')
        await expectRole('other')
        await put(stored('globalnetworksets', 'many', { nets: nets.slice(0, 10) }, { labels: { kind: 'many' } }))
        await waitFor('the problem to be gone', async () => !/\b16\b/.test((await readiness()).text))
      })
      await store.delete('/calico/resources/v3/projectcalico.org/globalnetworkpolicies/default.many')
      assert.deepEqual(seen, NO_HARM)
    })

    if (variant === 'nft') return // what follows has nothing to do with iptables

    test('a tool that hangs: Felix is neither ready nor alive, what stands stays, and it goes on when the tool ends', async () => {
      const seen = await harm(async () => {
        replaceTool('ipset', '#!/bin/sh\nexec /bin/sleep 600\n')
        await inviteGuest()
        const statuses = async (): Promise<string> =>
          (
            await Promise.all(['readiness', 'liveness'].map(async (each) => (await fetch(`${HEALTH}/${each}`)).status))
          ).join()
        await waitFor('both to fail', async () => (await statuses()) === '503,503', { deadlineMs: 60_000, pollMs: 200 })
        await expectRole('other')
        restoreTool('ipset')
        await sh(`kill $(pgrep -P ${felix.pid} -f '^/bin/sleep 600')`)
        await ready()
        await expectRole('client')
      }).finally(() => restoreTool('ipset'))
      assert.deepEqual(seen, NO_HARM)
    })

    test('etcd two seconds away: changes come late', async () => {
      const seen = await harm(async () => {
        network.delayMs = 2000
        await setRole('client')
        await sleep(1000)
        await expectRole('client')
        await setRole('other')
        await expectRole('other')
      }).finally(() => (network.delayMs = 0))
      assert.deepEqual(seen, NO_HARM)
      await ready()
    })

    test('etcd behind a network that swallows everything, without an end of the connection', async () => {
      const seen = await harm(async () => {
        const swallow = async (how: '-A' | '-D'): Promise<void> => {
          for (const port of ['--dport', '--sport'])
            await sh(`iptables-${variant} -w -t raw ${how} PREROUTING -i lo -p tcp ${port} ${network.port} -j DROP`)
        }
        await swallow('-A')
        await setRole('client')
        await sleep(4000)
        assert.equal(await d.peer.tcp(b.ip[4], 80), false)
        await swallow('-D')
        await waitFor('the change to arrive', async () => d.peer.tcp(b.ip[4], 80), { deadlineMs: 60_000 })
      })
      assert.deepEqual(seen, NO_HARM)
      await setRole('other')
      await expectRole('other')
    })

    test('etcd that takes no more writes: what can still change is followed', async () => {
      const filler = 'x'.repeat(1_400_000)
      const isFull = async (): Promise<boolean> => {
        try {
          await store.put('/filler', filler)
          return false
        } catch (err) {
          if (!/database is full/.test(String(err))) throw err
          return true
        }
      }
      const seen = await harm(async () => {
        await waitFor('etcd to be full', isFull, { pollMs: 1 })
        await store.delete(endpoint(d, 'other')[0])
        await expectDrop(...bothVersions({ from: d, to: a }))
        const { revision } = await store.list('/filler')
        await etcd.ctl('compact', String(revision))
        await etcd.ctl('defrag')
        await etcd.ctl('alarm', 'disarm')
        await setRole('client')
        await expectRole('client')
      })
      assert.deepEqual(seen, NO_HARM)
      await setRole('other')
      await expectRole('other')
    })

    test('etcd restored to an older state: that state is what counts', async () => {
      const file = join(dir, 'backup')
      await etcd.backup(file)
      const seen = await harm(async () => {
        for (let round = 0; round < 20; round++) await setRole('client')
        await expectRole('client')
        await etcd.restore(file)
        await waitFor('the state of the backup', async () => !(await d.peer.tcp(b.ip[4], 80)), { deadlineMs: 60_000 })
        await expectRole('other')
        await setRole('client')
        await expectRole('client')
      })
      assert.deepEqual(seen, NO_HARM)
    })

    test('a thousand interfaces come and go: Felix keeps up', async () => {
      const pairs = Array.from({ length: 1000 }, (_, number) => number)
      const batch = (line: (number: number) => string): string => pairs.map(line).join('\n')
      writeFileSync(
        join(dir, 'come'),
        batch((n) => `link add cali5t${n} up type veth peer name peer${n}`),
      )
      writeFileSync(
        join(dir, 'go'),
        batch((n) => `link delete cali5t${n}`),
      )
      const seen = await harm(async () => {
        const storm = sh(`ip -batch ${dir}/come && ip -batch ${dir}/go`)
        for (const role of ['other', 'client'] as const) {
          await setRole(role)
          await expectRole(role)
        }
        const late = await host.addWorkload('e', 5)
        await put(endpoint(late, 'client'))
        await expectPass(...bothVersions({ from: late, to: b, protocol: 'tcp' }))
        await storm
      })
      assert.deepEqual(seen, NO_HARM)
      await ready()
      assert.equal(felix.log.split('Dataplane is in sync').length, 2, 'Felix was started again')
    })
  })
}
