/**
 * etcd loses its data under running nodes. Nothing is concluded from a store that is not set up: the kernel and BIRD stay as
 * they are. Once the backup is back, life goes on without a loss.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectBlocked, expectReachable, type Host, Traffic } from '@calico-node/lab'
import { addOpenWorkload, addWorkload, withLab } from '../with-lab.ts'

/** All that the node has put into the kernel and told BIRD; counters left out. */
async function footprint(host: Host): Promise<string> {
  return host.machine.sh(`
    for v in legacy nft; do iptables-$v-save; ip6tables-$v-save; done 2>/dev/null | grep -e ^-A -e ^:cali | sed 's/ \\[.*//'
    ipset save | sort
    ip route; ip -6 route
    cat /etc/calico/confd/config/bird*.cfg`)
}

test('a wipe of etcd changes nothing, and a restored backup goes on from there', { timeout: 180_000 }, () =>
  withLab({}, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    const { etcd } = lab
    const hosts = [host1, host2]
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host2, 'b')
    const closed = await addWorkload(host1, 'closed')
    await expectReachable([{ from: a, to: b }], 30_000)
    await expectBlocked([{ from: b, to: closed }])
    await etcd.must('snapshot', 'save', '/root/backup.db')
    await host1.calicoctl('container', 'closed', 'profile', 'set', 'open')
    await expectReachable([{ from: b, to: closed }])
    const before = await Promise.all(hosts.map(footprint))
    const traffic = [new Traffic(a, await b.address()), new Traffic(b, await a.address())]

    await etcd.stop()
    await etcd.wipe()
    await etcd.start()
    for (const host of hosts)
      for (const service of ['felix', 'confd'])
        await waitFor(
          `${service} on ${host.name} to see it`,
          () => host.serviceLog(service).includes('Store was wiped'),
          {
            deadlineMs: 30_000,
          },
        )
    await sleep(2_000)
    assert.deepEqual(await etcd.keys('/calico/resources/'), [])
    assert.deepEqual(await Promise.all(hosts.map(footprint)), before)

    await etcd.stop()
    await etcd.wipe()
    await etcd.restore('/root/backup.db')
    await etcd.start()
    await expectBlocked([{ from: b, to: closed }], 3, 60_000) // as it was when the backup was made
    for (const each of traffic) {
      const { sent, answered } = await each.stop()
      assert.ok(sent > 100, `only ${sent} packets were sent`)
      assert.equal(answered, sent, `${sent - answered} of ${sent} packets were lost`)
    }
    await host1.calicoctl('container', 'closed', 'profile', 'set', 'open')
    await expectReachable([{ from: b, to: closed }], 30_000)
  }),
)
