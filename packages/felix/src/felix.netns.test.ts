/** The whole of Felix: a real etcd, a real process, a real kernel, and packets. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { quietLogger, sleep, waitFor } from '@calico-node/core'
import { type KvStore, openEtcd } from '@calico-node/datastore'
import { decodeHostReport, type HostReport, hostReportKey } from '@calico-node/model'
import { TestEtcd, requireOwnNamespace } from '@calico-node/testkit'
import { stored, workload } from './calc/graph-testing.ts'
import {
  bothVersions,
  expectDrop,
  expectPass,
  HostScene,
  sh,
  VARIANTS,
  type Workload,
} from './dataplane/host-scene.test.ts'
import { CLUSTER_READY, FelixProcess } from './felix-process.test.ts'
import { type Harm, harmDuring } from './flows-under-fault.test.ts'

requireOwnNamespace()

const FELIX_CONFIG = '/calico/resources/v3/projectcalico.org/felixconfigurations/default'
const STATUS = '/calico/felix/v2/no-region/host/here/workload/lab'

for (const variant of VARIANTS) {
  describe(`Felix with etcd, iptables-${variant}`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'felix-'))
    let host: HostScene
    let etcd: TestEtcd
    let store: KvStore
    let felix: FelixProcess
    let a: Workload
    let b: Workload
    let c: Workload

    const report = (): HostReport => decodeHostReport(readFileSync(join(dir, 'felix.json'), 'utf8'), 'felix.json')
    const problems = (): string[] => report().problems.map(({ reason }) => reason)
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
    const during = (work: () => Promise<unknown>): Promise<Harm> =>
      harmDuring({ allowed: a, denied: c, target: b }, work)

    before(async () => {
      host = await HostScene.create(variant)
      ;[a, b, c] = [await host.addWorkload('a', 1), await host.addWorkload('b', 2), await host.addWorkload('c', 3)]
      etcd = await TestEtcd.start()
      store = openEtcd({ endpoints: etcd.urls }, quietLogger)
      felix = new FelixProcess(
        { etcd: etcd.urls.join(), variant },
        {
          FELIX_ENDPOINTSTATUSPATHPREFIX: dir,
          CALICO_BIRD_RUN_DIR: dir,
          FELIX_ENDPOINTREPORTINGENABLED: 'true',
          FELIX_ENDPOINTREPORTINGDELAYSECS: '0.1',
          FELIX_HEALTHENABLED: 'true',
          FELIX_HEALTHPORT: '9099',
        },
      )
    })
    after(async () => {
      await felix.kill('SIGKILL')
      store.close()
      await etcd.stop()
      await host.destroy()
      rmSync(dir, { recursive: true })
    })

    test('it waits for a cluster that says it is ready, and writes nothing before', async () => {
      felix.start()
      await waitFor('the reason to be logged', () => felix.log.includes('does not say datastoreReady'))
      assert.equal(await sh(`iptables-${variant}-save; ipset list -n`), '')
      assert.equal((await fetch('http://localhost:9099/liveness')).status, 200)
      assert.equal((await fetch('http://localhost:9099/readiness')).status, 503)
      await waitFor('the report to say why', () => /waits to start: .*datastoreReady/.test(problems().join()))
    })

    test('resources become packets that pass, and states that others can read', async () => {
      await put(
        CLUSTER_READY,
        stored('tiers', 'default', { order: 1_000_000 }),
        stored('profiles', 'open', { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] }),
        endpoint(a, 'client'),
        endpoint(b, 'server'),
        endpoint(c, 'other'),
        allowClients,
      )
      await felix.inSync(1)
      await expectPass(...bothVersions({ from: a, to: b }), ...bothVersions({ from: a, to: c }))
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await waitFor('states in etcd', async () => {
        const { kvs } = await store.list(STATUS)
        return kvs.length === 3 && kvs.every(({ value }) => value === '{"status":"up"}')
      })
      await waitFor('endpoint-status files', () => readdirSync(join(dir, 'endpoint-status')).length === 3)
      await waitFor('readiness', async () => (await fetch('http://localhost:9099/readiness')).status === 200)
    })

    test('a label, a policy and a profile that change are followed', async () => {
      await put(endpoint(c, 'client'))
      await expectPass(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await put(endpoint(c, 'other'))
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await store.delete(allowClients[0])
      await expectPass(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await put(allowClients)
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
    })

    test('a value that makes no sense counts as missing and is told once', async () => {
      const [key] = allowClients
      await put([key, '{"spec": {"selector": "role == "}}'])
      await waitFor('the complaint', () => felix.log.includes(key))
      await expectPass(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      assert.equal(felix.log.split('\n').filter((line) => line.includes(key) && line.includes('WARNING')).length, 1)
      const sentence = /^GlobalNetworkPolicy default\.servers is invalid and counts as missing: .*spec\.selector/
      await waitFor('the report in the file', () => sentence.test(problems().join()))
      const seen = await waitFor('the report in etcd', async () => {
        const kv = await store.get(hostReportKey('here'))
        return kv?.value.includes('default.servers') && decodeHostReport(kv.value, kv.key)
      })
      assert.match(seen.problems[0]?.reason ?? '', sentence)
      assert.deepEqual([seen.iptables?.variant, seen.iptables?.reason], [variant, 'configured'])
      assert.ok(seen.failsafe.inbound.includes('tcp:22'))
      await put(allowClients)
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await waitFor('no problem', () => problems().length === 0)
    })

    test('killed and started again during traffic: nothing allowed is lost, nothing denied passes', async () => {
      const result = await during(async () => {
        await felix.kill('SIGKILL')
        felix.start()
        await felix.inSync(2)
      })
      assert.deepEqual(result, { lost: 0, leaked: 0 })
    })

    test('what changed while it was down is in force when it is back', async () => {
      await felix.kill('SIGKILL')
      await put(endpoint(a, 'other'), endpoint(c, 'client'))
      await expectPass(...bothVersions({ from: a, to: b }))
      felix.start()
      await expectDrop(...bothVersions({ from: a, to: b }))
      await expectPass(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await put(endpoint(a, 'client'), endpoint(c, 'other'))
      await expectPass(...bothVersions({ from: a, to: b }))
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
    })

    test('etcd away and back: nothing changes meanwhile, later updates arrive', async () => {
      const result = await during(async () => {
        await etcd.member.stop()
        await sleep(2500)
      })
      assert.deepEqual(result, { lost: 0, leaked: 0 })
      await etcd.restart(etcd.member)
      await put(endpoint(c, 'client'))
      await expectPass(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      await put(endpoint(c, 'other'))
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
    })

    test('a parameter that needs a new start: exit 129, and the kernel stays as it is', async () => {
      const result = await during(async () => {
        await put([
          FELIX_CONFIG,
          JSON.stringify({ metadata: { name: 'default' }, spec: { defaultEndpointToHostAction: 'Accept' } }),
        ])
        assert.equal(await felix.exited(), 129)
        felix.start()
        await waitFor('a workload to reach its host', async () => (await a.peer.ping('172.16.0.1')) === 1)
      })
      assert.deepEqual(result, { lost: 0, leaked: 0 })
    })

    test('stopped politely it leaves everything standing, and no child behind', async () => {
      process.kill(felix.pid, 'SIGUSR1')
      await waitFor('the heap summary', () => felix.log.includes(': Heap '))
      process.kill(felix.pid, 'SIGUSR2')
      await waitFor('a second profile to be refused', () => felix.log.includes('A profile is being recorded already'))
      assert.equal(await felix.kill('SIGTERM'), 143)
      await expectPass(...bothVersions({ from: a, to: b }))
      await expectDrop(...bothVersions({ from: c, to: b, protocol: 'tcp' }))
      assert.equal(
        await sh('ps -eo stat,args | grep -v ^Z | grep -E "[i]p -o monitor|[x]tables-monitor|[i]p -force"; true'),
        '',
      )
    })

    test('without iptables it lives, says what is missing, and goes on when that is there', async () => {
      const tools = join(dir, 'tools')
      const link = async (pattern: string): Promise<void> => {
        for (const name of (await sh(`ls /sbin /usr/sbin /bin /usr/bin | grep -E '^(${pattern})'; true`)).split('\n'))
          if (name !== '' && !readdirSync(tools).includes(name))
            symlinkSync((await sh(`command -v ${name}`)).trim(), join(tools, name))
      }
      mkdirSync(tools)
      await link('ip$|bridge$|ipset$|conntrack$')
      const poor = new FelixProcess(
        { etcd: etcd.urls.join(), variant: 'Auto' },
        { PATH: tools, CALICO_BIRD_RUN_DIR: dir, FELIX_HEALTHENABLED: 'true' },
      )
      poor.start()
      try {
        await waitFor('the report', () => problems().some((each) => each.includes('neither iptables-legacy nor')))
        const readiness = await fetch('http://localhost:9099/readiness')
        assert.deepEqual(
          [readiness.status, /FelixStartup .*neither iptables/.test(await readiness.text())],
          [503, true],
        )
        assert.equal((await fetch('http://localhost:9099/liveness')).status, 200)
        await expectPass(...bothVersions({ from: a, to: b }))
        await link('ip6?tables')
        await poor.inSync(1)
        await waitFor('readiness', async () => {
          const answer = await fetch('http://localhost:9099/readiness')
          assert.equal(answer.status, 200, await answer.text())
          return true
        })
        await waitFor('no problem', () => problems().length === 0)
        assert.equal(report().iptables?.variant, variant)
        assert.equal(report().iptables?.reason, 'holds our rules of an earlier run')
      } finally {
        await poor.kill('SIGKILL')
      }
    })
  })
}
