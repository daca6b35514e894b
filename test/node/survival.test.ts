// A running node, with traffic: felix killed, etcd away, rules flushed. Nothing allowed is lost, nothing denied passes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectBlocked, expectReachable, type Host, isAlive, killQuietly, Traffic } from '@calico-node/lab'
import { addOpenWorkload, addWorkload, withLab } from '../with-lab.ts'

/** The pids of a service's process as seen from here, through the host's own view. */
const felixPid = async (host: Host): Promise<number> => {
  const [pid, ...more] = await host.pids('calico-felix')
  assert.ok(
    pid !== undefined && more.length === 0,
    `${host.name} runs ${more.length + (pid === undefined ? 0 : 1)} felix`,
  )
  return pid
}
const rules = async (host: Host): Promise<string> =>
  host.machine.sh('for v in legacy nft; do iptables-$v-save; done 2>/dev/null | grep -e ^-A | grep cali')

test('survival of a node under traffic', async (t) => {
  await withLab({ hosts: ['host1', 'host2'] }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host1, 'b')
    const remote = await addOpenWorkload(host2, 'remote')
    const closed = await addWorkload(host1, 'closed')
    await expectReachable(
      [
        { from: a, to: b },
        { from: a, to: remote },
        { from: remote, to: a },
      ],
      30_000,
    )
    await expectBlocked([
      { from: a, to: closed },
      { from: closed, to: b },
    ])

    /** Runs `fault` between two stretches of traffic and checks the counts. */
    const under = async (fault: () => Promise<void>): Promise<void> => {
      const allowed = [new Traffic(a, await b.address()), new Traffic(remote, await a.address())]
      const denied = [new Traffic(a, await closed.address()), new Traffic(closed, await b.address())]
      await sleep(300)
      await fault()
      await sleep(300)
      for (const traffic of allowed) {
        const { sent, answered } = await traffic.stop()
        assert.ok(sent > 100, `only ${sent} packets were sent`)
        assert.equal(answered, sent, `${sent - answered} of ${sent} allowed packets were lost`)
      }
      for (const traffic of denied) {
        const { sent, answered } = await traffic.stop()
        assert.ok(sent > 100, `only ${sent} packets were sent`)
        assert.equal(answered, 0, `${answered} of ${sent} denied packets passed`)
      }
    }

    await t.test('control: without a fault nothing is lost', async () => under(async () => sleep(500)))

    await t.test('felix killed with SIGKILL: it is back, and no verdict changed meanwhile', async () =>
      under(async () => {
        const syncs = (): number => host1.serviceLog('felix').split('Dataplane is in sync').length
        const syncsBefore = syncs()
        const before = await felixPid(host1)
        await host1.machine.must(['kill', '-9', String(before)])
        await waitFor('a new felix', async () => (await felixPid(host1)) !== before)
        await waitFor('the new felix to be in sync', () => syncs() > syncsBefore)
      }),
    )

    await t.test('the node stopped and started again', async () =>
      under(async () => {
        await host1.stopNode()
        assert.deepEqual(await host1.pids('calico-felix'), [])
        await host1.startNode({ IP6: 'autodetect' })
        await waitFor('felix', async () => (await felixPid(host1)) > 0)
      }),
    )

    await t.test('a policy changed while the node was down is in force when it is back', async () => {
      await host1.stopNode()
      await host1.calicoctl('container', 'closed', 'profile', 'set', 'open')
      await expectBlocked([{ from: a, to: closed }])
      await host1.startNode({ IP6: 'autodetect' })
      await expectReachable([{ from: a, to: closed }], 30_000)
      await host1.calicoctl('container', 'closed', 'profile', 'set')
      await expectBlocked([{ from: a, to: closed }], 3, 30_000)
    })

    await t.test('our chains flushed by hand: repaired', async () => {
      const before = await rules(host1)
      await host1.machine.sh(
        'for v in legacy nft; do for t in raw mangle nat filter; do iptables-$v -t $t -F; done; done',
      )
      await waitFor('the rules to come back', async () => (await rules(host1)) === before, { deadlineMs: 60_000 })
      await expectReachable([
        { from: a, to: b },
        { from: remote, to: a },
      ])
      await expectBlocked([{ from: a, to: closed }])
    })

    await t.test('etcd stopped and started: nothing changes, later updates arrive', async () => {
      await under(async () => {
        await lab.etcd.stop()
        await sleep(3000)
        await lab.etcd.start()
      })
      await host1.calicoctl('container', 'closed', 'profile', 'set', 'open')
      await expectReachable([{ from: a, to: closed }], 30_000)
      await host1.calicoctl('container', 'closed', 'profile', 'set')
      await expectBlocked([{ from: a, to: closed }], 3, 30_000)
    })
  })
})

test('killing any runsv never leaves two of anything', async () => {
  await withLab({ hosts: ['host1'] }, async (_lab, [host]) => {
    assert.ok(host !== undefined)
    const services = ['felix', 'confd', 'bird', 'bird6']
    const processes = ['calico-felix', 'confd', 'bird', 'bird6']
    const one = async (): Promise<boolean> => {
      for (const name of processes) {
        const pids = await host.pids(name)
        if (pids.length !== 1) throw new Error(`${pids.length} processes named ${name}: ${pids.join(', ')}`)
      }
      return true
    }
    await waitFor('one of each', one, { deadlineMs: 20_000 })
    for (const [index, service] of services.entries()) {
      const [old] = await host.pids(processes[index] ?? '')
      const runsv = await host.machine.sh(`pgrep -x -f 'runsv ${service}'`)
      await host.machine.must(['kill', '-9', runsv.trim()])
      await waitFor(
        `a new ${service}`,
        async () => (await one()) && (await host.pids(processes[index] ?? ''))[0] !== old,
        { deadlineMs: 20_000 },
      )
      const logs = (await host.machine.sh(`pgrep -f 'svlogd .*/${service}$' | wc -l`)).trim()
      assert.equal(logs, '1', `${logs} svlogd for ${service}`)
    }
  })
})

test("ending a host's PID 1 ends all of it", async () => {
  await withLab({ hosts: ['host1'] }, async (_lab, [host]) => {
    assert.ok(host !== undefined)
    const inside = host.nodePid1()
    assert.ok(inside !== undefined && isAlive(inside))
    killQuietly(host.machine.pid)
    await waitFor('the node to end with its host', () => !isAlive(inside) && !host.nodeAlive())
  })
})
