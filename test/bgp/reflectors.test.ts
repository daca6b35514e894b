// A running cluster moves from its mesh to two stand-alone reflectors, which then die one after the other, under traffic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { expectReachable, type Host, Traffic } from '@calico-node/lab'
import { addOpenWorkload, withLab } from '../with-lab.ts'
import { apply, expectSessions, gatewayOf, peersOf } from './sessions.ts'

const REFLECTOR = { CALICO_NODE_ROLE: 'reflector', CALICO_ROUTE_REFLECTOR_CLUSTER_ID: '10.9.9.9', IP6: 'autodetect' }
const POOL = '192.168.0.0/16'

/** Counts what a machine receives: of workloads, and of BGP, which shows that counting works. */
const watchPackets = (host: Host): Promise<string> =>
  host.machine.sh(`nft -f - <<END
    table ip watch {
      counter workloads { }
      counter bgp { }
      chain received {
        type filter hook prerouting priority -500;
        ip saddr ${POOL} counter name workloads
        ip daddr ${POOL} counter name workloads
        meta l4proto tcp th sport 179 counter name bgp
        meta l4proto tcp th dport 179 counter name bgp
      }
    }
END`)

async function packetsOf(host: Host, counter: string): Promise<number> {
  const text = await host.machine.must(['nft', 'list', 'counter', 'ip', 'watch', counter])
  return Number(/packets (\d+)/.exec(text)?.[1])
}

test('reflectors take over from the mesh', async (t) => {
  await withLab({ hosts: ['host1', 'host2', 'rr1', 'rr2'], start: false }, async (_lab, hosts) => {
    const [host1, host2, rr1, rr2] = hosts
    assert.ok(host1 && host2 && rr1 && rr2)
    const nodes = [host1, host2]
    const reflectors = [rr1, rr2]
    await Promise.all(nodes.map((host) => host.startNode({ IP6: 'autodetect' })))
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host2, 'b')
    await expectReachable([{ from: a, to: b }], 30_000)

    /** Runs `change` between two stretches of traffic, of which nothing may get lost. */
    const losingNothing = async (change: () => Promise<void>): Promise<void> => {
      const flows = [new Traffic(a, await b.address()), new Traffic(b, await a.address())]
      await sleep(300)
      await change()
      await sleep(300)
      for (const flow of flows) {
        const { sent, answered } = await flow.stop()
        assert.ok(sent > 100, `only ${sent} packets were sent`)
        assert.equal(answered, sent, `${sent - answered} of ${sent} packets were lost`)
      }
    }

    await t.test('two stand-alone reflectors start: BGP and nothing else', async () => {
      await Promise.all(reflectors.map((host) => host.startNode(REFLECTOR)))
      for (const host of reflectors) {
        await watchPackets(host)
        await waitFor(`BIRD on ${host.name}`, async () => (await host.pids('bird')).length === 1)
        assert.deepEqual(await host.pids('calico-felix'), [])
      }
      await expectSessions(host1, [host2]) // a reflector takes no part in the mesh
    })

    await t.test('sessions with them come up beside the mesh, and the mesh goes', async () =>
      losingNothing(async () => {
        for (const { name } of reflectors) await host1.calicoctl('label', 'node', name, 'route-reflector=true')
        const reflector = 'has(route-reflector)'
        await apply(host1, 'BGPPeer', 'nodes-to-reflectors', { nodeSelector: `!${reflector}`, peerSelector: reflector })
        await apply(host1, 'BGPPeer', 'among-reflectors', { nodeSelector: reflector, peerSelector: reflector })
        await expectSessions(host1, [host2, ...reflectors])
        await expectSessions(host2, [host1, ...reflectors])
        await apply(host1, 'BGPConfiguration', 'default', { asNumber: 64512, nodeToNodeMeshEnabled: false })
        for (const host of nodes) await expectSessions(host, reflectors)
        await expectSessions(rr1, [...nodes, rr2])
      }),
    )

    await t.test('traffic goes straight from host to host, not through a reflector', async () => {
      assert.equal(await gatewayOf(host1, await b.address()), host2.addresses.ipv4)
      for (const host of reflectors) {
        assert.ok((await packetsOf(host, 'bgp')) > 0)
        assert.equal(await packetsOf(host, 'workloads'), 0)
      }
    })

    await t.test('one reflector dies: nothing is lost, and new routes come through the other', async () => {
      await losingNothing(async () => {
        await rr1.stopNode()
        for (const host of nodes) {
          await waitFor(`${host.name} to notice`, async () => (await peersOf(host)).down.includes(rr1.addresses.ipv4))
        }
      })
      const c = await host2.addWorkload('c')
      await host2.calicoctl('container', 'add', 'c', '192.168.201.1')
      await host2.calicoctl('container', 'c', 'profile', 'set', 'open')
      await expectReachable([{ from: a, to: c }])
      assert.equal(await gatewayOf(host1, '192.168.201.1'), host2.addresses.ipv4)
    })

    await t.test('both are gone for a while: graceful restart keeps the routes', async () =>
      losingNothing(async () => {
        await rr2.stopNode()
        await sleep(1000)
        await Promise.all(reflectors.map((host) => host.startNode(REFLECTOR)))
        for (const host of nodes) await expectSessions(host, reflectors)
      }),
    )
  })
})
