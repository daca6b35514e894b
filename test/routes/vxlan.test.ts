// VXLAN pools of both IP versions in every mode, on two subnets: who reaches whom, what is on the wire, and what is lost while
// the mode changes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { type Host, type Pair, type Workload } from '@calico-node/lab'
import { withLab } from '../with-lab.ts'
import {
  addDualWorkload,
  allPairs,
  expectFullMesh,
  expectWire,
  lossDuring,
  patchPool,
  routesOf,
  VERSIONS,
  type Wire,
} from './network.ts'

const CROSS = { CALICO_IPV4POOL_VXLAN: 'CrossSubnet', CALICO_IPV6POOL_VXLAN: 'CrossSubnet' }
const setMode = async (host: Host, vxlanMode: string): Promise<void> => {
  for (const pool of ['default-ipv4-ippool', 'default-ipv6-ippool']) await patchPool(host, pool, { vxlanMode })
}
const both = (from: Workload, to: Workload): Pair[] => VERSIONS.map((version) => ({ from, to, version }))
const expectWires = async (wires: readonly [Wire, Workload, Workload][]): Promise<void> => {
  for (const [wire, from, to] of wires) for (const pair of both(from, to)) await expectWire(wire, pair)
}
const felixPid = async (host: Host): Promise<number | undefined> => (await host.pids('calico-felix'))[0]

test('VXLAN across two subnets', async (t) => {
  const hosts = ['host1', 'host2', { name: 'host3', subnet: 1 }]
  await withLab({ hosts, env: CROSS }, async (lab, [host1, host2, host3]) => {
    assert.ok(host1 !== undefined && host2 !== undefined && host3 !== undefined)
    const [a, b, c] = await Promise.all([
      addDualWorkload(host1, 'a'),
      addDualWorkload(host2, 'b'),
      addDualWorkload(host3, 'c'),
    ])
    const streams = [...both(a, b), ...both(a, c), ...both(c, a)]
    const during = async (what: string, change: () => Promise<unknown>): Promise<number> => {
      const { sent, lost } = await lossDuring(streams, change)
      t.diagnostic(`${what}: ${lost} of ${sent} packets lost`)
      return lost
    }

    await t.test('CrossSubnet: everybody reaches everybody, through the tunnel only to the other subnet', async () => {
      await expectFullMesh(lab, [a, b, c])
      await expectWires([
        ['plain', a, b],
        ['vxlan', a, c],
        ['vxlan', c, b],
      ])
    })

    await t.test('control: without a change nothing is lost', async () => {
      assert.equal(await during('no change', () => sleep(2000)), 0)
    })

    const change = async (mode: string): Promise<unknown> => {
      await setMode(host1, mode)
      return sleep(3000)
    }
    await t.test('to Always: all of it through the tunnel, nothing lost', async () => {
      assert.equal(await during('CrossSubnet to Always', () => change('Always')), 0)
      await expectWires([
        ['vxlan', a, b],
        ['vxlan', c, a],
      ])
      await expectFullMesh(lab, [a, b, c])
    })

    await t.test('felix killed: it is back, and nothing is lost', async () => {
      const inSync = (): number => host1.serviceLog('felix').split('Dataplane is in sync').length
      const before = { pid: await felixPid(host1), times: inSync(), routes: await routesOf(host1) }
      const lost = await during('SIGKILL of felix', async () => {
        await host1.machine.must(['kill', '-9', String(before.pid)])
        await waitFor('felix to be back', () => inSync() > before.times, { deadlineMs: 30_000 })
        await sleep(2000)
      })
      assert.equal(lost, 0)
      assert.deepEqual(await routesOf(host1), before.routes)
    })

    await t.test('a device and its entries that somebody removed come back', async () => {
      const { machine } = host1
      const text = async (): Promise<string> =>
        machine.sh(
          'ip route; ip neigh show nud permanent dev vxlan.calico; bridge fdb show dev vxlan.calico | grep dst',
        )
      const sorted = async (): Promise<string[]> => (await text()).split('\n').toSorted()
      const before = await sorted()
      await machine.must(['ip', 'link', 'delete', 'vxlan.calico'])
      await waitFor('all of it', async () => (await sorted()).join() === before.join(), { deadlineMs: 20_000 })
      await expectFullMesh(lab, [a, b, c])
    })

    await t.test('tunnelled packets of a host that is no node are dropped', async () => {
      const { machine } = host1
      const dropped = async (): Promise<number> => {
        const rules = await machine.sh(
          'for v in legacy nft; do iptables-$v -t filter -nvxL cali-tunnel-in; done 2>&1; true',
        )
        return Number(/^ *(\d+) .*DROP.*4789/m.exec(rules)?.[1] ?? Number.NaN)
      }
      const before = await dropped()
      for (let packet = 0; packet < 3; packet++)
        await lab.underlay.must(['bash', '-c', `echo x >/dev/udp/${host1.addresses.ipv4}/4789`])
      await waitFor('the rule to count three more', async () => (await dropped()) === before + 3)
    })

    await t.test('the MTU of the network below: devices and the file for plugins follow it', async () => {
      const { machine } = host1
      const links = async (): Promise<string> => {
        const mtu = (dev: string): string => `ip -o link show ${dev} | sed -E 's/.* mtu ([0-9]+) .*/\\1/'`
        return machine.sh(`echo $(${mtu('vxlan.calico')}) $(${mtu('vxlan-v6.calico')}) $(cat /var/lib/calico/mtu)`)
      }
      assert.equal((await links()).trim(), '1450 1430 1430')
      await machine.must(['ip', 'link', 'set', 'eth0', 'mtu', '1400'])
      await waitFor('the new sizes', async () => (await links()).trim() === '1350 1330 1330')
      const all = async (): Promise<string> =>
        (await host2.calicoctl('node', 'status', '--all')).replaceAll(/\s+/g, ' ')
      await waitFor('the view of all hosts to tell that one differs', async () =>
        (await all()).includes('differs between nodes: 1330 on host1; 1430 on host2, host3'),
      )
      assert.match(await all(), /\| host3 \| ready \|/)
      await machine.must(['ip', 'link', 'set', 'eth0', 'mtu', '1500'])
      await waitFor('the old sizes', async () => (await links()).trim() === '1450 1430 1430')
    })

    await t.test('back to CrossSubnet: nothing lost', async () => {
      assert.equal(await during('Always to CrossSubnet', () => change('CrossSubnet')), 0)
      await expectWires([
        ['plain', a, b],
        ['vxlan', c, a],
      ])
    })
  })
})

test('on one subnet BIRD and Felix hand a pool over to each other', async (t) => {
  await withLab({ hosts: ['host1', 'host2'] }, async (lab, [host1, host2]) => {
    assert.ok(host1 !== undefined && host2 !== undefined)
    const [a, b] = await Promise.all([addDualWorkload(host1, 'a'), addDualWorkload(host2, 'b')])
    await expectFullMesh(lab, [a, b])
    await expectWires([['plain', a, b]])
    const during = async (mode: string, settleMs: number): Promise<number> => {
      const { sent, lost } = await lossDuring(allPairs([a, b]), async () => {
        await setMode(host1, mode)
        await sleep(settleMs)
      })
      t.diagnostic(`to ${mode}: ${lost} of ${sent} packets lost`)
      return lost
    }
    const byBird = async (): Promise<boolean> => (await routesOf(host1)).some((line) => line.includes('proto bird'))

    await t.test('from BIRD to VXLAN: the tunnel takes over', async () => {
      assert.equal(await byBird(), true)
      assert.equal(await during('Always', 8000), 0)
      await expectWires([
        ['vxlan', a, b],
        ['vxlan', b, a],
      ])
      await waitFor('BIRD to let go', async () => !(await byBird()), { deadlineMs: 20_000 })
    })

    await t.test('from VXLAN to BIRD: nothing is lost, and nothing of the tunnel stays', async () => {
      const lost = await during('Never', 14_000)
      await expectWires([
        ['plain', a, b],
        ['plain', b, a],
      ])
      assert.equal(lost, 0)
      await waitFor(
        'the tunnel to be gone',
        async () => {
          const left = await host1.machine.sh(
            'ip -br link; ip route; ip -6 route; ipset list -n; cat /var/lib/calico/mtu',
          )
          return !/vxlan|proto 80/.test(left) && left.endsWith('1500')
        },
        { deadlineMs: 30_000 },
      )
    })
  })
})
