// BGP switched off on a host whose operator runs a router of their own (FRR): it exports the routes that Felix programs.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { expectReachable } from '@calico-node/lab'
import { Frr } from '@calico-node/testkit'
import { addOpenWorkload, withLab } from '../with-lab.ts'
import { apply, gatewayOf } from './sessions.ts'

const configuration = (peer: string): string => `
router bgp 65010
 no bgp ebgp-requires-policy
 neighbor ${peer} remote-as 64512
 neighbor ${peer} timers connect 1
 address-family ipv4 unicast
  redistribute kernel route-map workloads
 exit-address-family
ip prefix-list pool permit 192.168.0.0/16 ge 32
route-map workloads permit 10
 match ip address prefix-list pool
`

test("a host without our BGP exports Felix's routes with FRR", async () => {
  await withLab({ hosts: ['host1', 'host2'], start: false }, async (_lab, [host1, host2]) => {
    assert.ok(host1 && host2)
    await host1.startNode()
    await host2.startNode({ CALICO_NETWORKING: 'false' })
    const a = await addOpenWorkload(host1, 'a')
    const b = await addOpenWorkload(host2, 'b')
    assert.deepEqual([await host2.pids('bird'), await host2.pids('confd')], [[], []])
    await apply(host1, 'BGPPeer', 'frr', { node: 'host1', peerIP: host2.addresses.ipv4, asNumber: 65_010 })
    const frr = await Frr.start({
      zebra: '',
      bgpd: configuration(host1.addresses.ipv4),
      enter: (argv) => ['nsenter', '-t', String(host2.machine.pid), '--net', '--mount', '--', ...argv],
    })
    try {
      const address = await b.address()
      await waitFor(
        'the route of the workload',
        async () => (await gatewayOf(host1, address)) === host2.addresses.ipv4,
        {
          deadlineMs: 30_000,
        },
      )
      await expectReachable([
        { from: a, to: b },
        { from: b, to: a },
      ])
      await host2.calicoctl('container', 'remove', 'b')
      await waitFor(
        'the route to go with the workload',
        async () => (await gatewayOf(host1, address)) !== host2.addresses.ipv4,
      )
    } finally {
      await frr.stop()
    }
  })
})
