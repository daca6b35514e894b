// A mesh of five nodes: everybody reaches everybody, and no change or fault of one session touches another.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectReachable, type Host, Traffic, type Workload } from '@calico-node/lab'
import { addOpenWorkload, withLab } from '../with-lab.ts'
import { apply, expectSessions, gatewayOf } from './sessions.ts'

const NAMES = ['host1', 'host2', 'host3', 'host4', 'host5']

/** What the sessions of the mesh went through, by BIRD's own log. (Its times are a second off now and then.) */
const changesOf = (host: Host): string[] =>
  ['bird', 'bird6'].flatMap((daemon) => host.serviceLog(daemon).match(/Mesh_\S+: State changed to \w+/g) ?? [])

test('a mesh of five', async (t) => {
  await withLab({ hosts: NAMES }, async (_lab, hosts) => {
    const [host1, host2] = hosts
    assert.ok(host1 && host2)
    const workloads = new Map<Host, Workload>()
    for (const host of hosts) workloads.set(host, await addOpenWorkload(host, `w-${host.name}`))
    const of = (host: Host): Workload => workloads.get(host) ?? assert.fail(host.name)

    await t.test('every node has a session with every other in both families, and a route to its block', async () => {
      for (const host of hosts) {
        const others = hosts.filter((other) => other !== host)
        await expectSessions(host, others)
        for (const other of others) {
          const address = await of(other).address()
          await waitFor(
            `the route to ${other.name}`,
            async () => (await gatewayOf(host, address)) === other.addresses.ipv4,
          )
        }
      }
      await expectReachable(
        hosts
          .flatMap((from) => hosts.map((to) => ({ from: of(from), to: of(to) })))
          .filter(({ from, to }) => from !== to),
      )
    })

    await t.test('a new peer and a change of log severity leave the sessions alone', async () => {
      const before = changesOf(host1)
      await apply(host1, 'BGPPeer', 'absent', { node: 'host1', peerIP: '172.30.0.99', asNumber: 65_001 })
      await apply(host1, 'BGPConfiguration', 'default', { asNumber: 64_512, logSeverityScreen: 'Debug' })
      await waitFor('BIRD to log all', async () =>
        /debug all/.test(await host1.machine.sh('cat /etc/calico/confd/config/bird.cfg')),
      )
      await waitFor('BIRD to run it', () => /Node_172_30_0_99/.test(host1.serviceLog('bird')))
      await waitFor('confd to follow', () => /Log level follows .*severity=debug/.test(host1.serviceLog('confd')))
      assert.deepEqual(changesOf(host1), before)
      await host1.calicoctl('delete', 'bgppeer', 'absent')
    })

    await t.test('BIRD killed: it is back within seconds, and no packet is lost', async () => {
      const flows = [
        new Traffic(of(host1), await of(host2).address()),
        new Traffic(of(host2), await of(host1).address()),
      ]
      await sleep(300)
      const [pid] = await host1.pids('bird')
      assert.ok(pid !== undefined)
      await host1.machine.must(['kill', '-9', String(pid)])
      await waitFor('a new BIRD', async () => (await host1.pids('bird')).some((found) => found !== pid))
      await expectSessions(host1, hosts.slice(1))
      await sleep(300)
      for (const flow of flows) {
        const { sent, answered } = await flow.stop()
        assert.ok(sent > 100, `only ${sent} packets were sent`)
        assert.equal(answered, sent, `${sent - answered} of ${sent} packets were lost`)
      }
    })
  })
})
