import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '@calico-node/core'
import {
  type Workload,
  bothVersions,
  expectDrop,
  expectPass,
  HostScene,
  openProfile,
  sh,
  update,
  VARIANTS,
} from './host-scene.test.ts'
import { requireOwnNamespace } from '@calico-node/testkit'

requireOwnNamespace()

for (const variant of VARIANTS) {
  describe(`who may talk to whom without policy, iptables-${variant}`, () => {
    let host: HostScene
    let a: Workload
    let b: Workload

    before(async () => {
      host = await HostScene.create(variant)
      a = await host.addWorkload('a', 1)
      b = await host.addWorkload('b', 2)
      await host.start()
      host.send(openProfile(), update(a), update(b))
    })
    after(() => host.destroy())

    test('nothing is written before the first complete snapshot', async () => {
      await waitFor('the interfaces to be known', () => host.dataplane.health().busyMs === 0)
      assert.equal(await sh(`iptables-${variant}-save; ipset list -n; ip route show dev calia`), '')
      host.send({ kind: 'in-sync' })
      await host.converged()
    })

    test('without a profile everything drops, both ways', async () => {
      await expectDrop(
        ...bothVersions({ from: a, to: b }),
        ...bothVersions({ from: host.outside, to: a }),
        ...bothVersions({ from: a, to: host.outside }),
      )
    })

    test('its own host reaches a workload all the same', async () => {
      // A new interface has no link-local address for a second or two, and the answer to IPv6 takes that way.
      await sh(`ping -c1 -w10 ${a.ip[4]} && ping -c1 -w10 ${a.ip[6]}`)
    })

    test('a workload does not reach its own host', async () => {
      assert.equal(await a.peer.ping('172.16.0.1'), 0)
      assert.equal(await a.peer.ping('fd00:16::1'), 0)
    })

    test('one end alone cannot open a flow between two workloads', async () => {
      host.send(update(a, { profiles: ['open'] }))
      await expectPass(...bothVersions({ from: a, to: host.outside }), ...bothVersions({ from: host.outside, to: a }))
      await expectDrop(...bothVersions({ from: a, to: b }), ...bothVersions({ from: b, to: a }))
    })

    test('with an open profile at both ends everything passes', async () => {
      host.send(update(b, { profiles: ['open'] }))
      for (const protocol of ['icmp', 'tcp', 'udp'] as const) {
        await expectPass(
          ...bothVersions({ from: a, to: b, protocol }),
          ...bothVersions({ from: b, to: host.outside, protocol }),
          ...bothVersions({ from: host.outside, to: b, protocol }),
        )
      }
    })

    test('states are told: up, down while the interface is, gone with the endpoint', async () => {
      const state = (): Record<string, string> => Object.fromEntries(host.states)
      await waitFor('both up', () => state()['test default/a eth0'] === 'up' && state()['test default/b eth0'] === 'up')
      await sh('ip link set calib down')
      await waitFor('b down', () => state()['test default/b eth0'] === 'down')
      await sh('ip link set calib up')
      await waitFor('b up', () => state()['test default/b eth0'] === 'up')
      await expectPass(...bothVersions({ from: a, to: b }))
    })

    test('the settings of the interface are those of a gateway', async () => {
      const read = async (key: string): Promise<string> => (await sh(`cat /proc/sys/net/${key}`)).trim()
      for (const key of [
        'ipv4/conf/calia/proxy_arp',
        'ipv4/conf/calia/forwarding',
        'ipv4/conf/calia/route_localnet',
        'ipv6/conf/calia/proxy_ndp',
        'ipv6/conf/calia/forwarding',
      ]) {
        assert.equal(await read(key), '1', key)
      }
      assert.equal(await read('ipv6/conf/calia/accept_ra'), '0')
      assert.equal(await read('ipv4/neigh/calia/proxy_delay'), '0')
      assert.match(
        await sh('ip neigh show dev calia nud permanent'),
        new RegExp(`${a.ip[4]} lladdr ${a.endpoint.mac} PERMANENT`),
      )
      assert.match(await sh('ip route show dev calia'), new RegExp(`^${a.ip[4]} scope link *$`, 'm'))
    })

    test('a workload cannot send from an address that is not its own, however loose the check of the kernel', async () => {
      await sh('for each in all default calia; do echo 2 > /proc/sys/net/ipv4/conf/$each/rp_filter; done')
      await sh(
        `ip -n a addr add 10.65.0.77/32 dev eth0; ip -n a addr add fd00:65::77/128 dev eth0 nodad; ip route add 10.65.0.77/32 via 172.16.0.2; ip -6 route add fd00:65::77/128 via fd00:16::2`,
      )
      const received = async (): Promise<number> =>
        Number((await sh(`ip netns exec b nstat -asz IcmpInEchos | awk '/IcmpInEchos/ {print $2}'`)).trim())
      const before = await received()
      assert.equal(await a.peer.ping(b.ip[4], { source: '10.65.0.77' }), 0)
      assert.equal(await received(), before, 'the echo request itself must not arrive')
      assert.equal(await a.peer.ping(b.ip[6], { source: 'fd00:65::77' }), 0)
      await expectPass(...bothVersions({ from: a, to: b }))
    })

    test("an interface that begins like a workload's and is none is cut off", async () => {
      const c = await host.addWorkload('c', 3)
      await sh(
        `ip route add ${c.ip[4]}/32 dev calic proto static; ip -6 route add ${c.ip[6]}/128 dev calic proto static`,
      )
      await expectDrop(
        ...bothVersions({ from: c, to: a }),
        ...bothVersions({ from: a, to: c }),
        ...bothVersions({ from: host.outside, to: c }),
      )
    })

    test('without its profile everything drops again', async () => {
      host.send(update(a), update(b))
      await expectDrop({ from: a, to: b, protocol: 'tcp' }, ...bothVersions({ from: host.outside, to: b }))
    })

    test('an endpoint that goes takes its chains, routes and neighbours along', async () => {
      host.send({ kind: 'workload.remove', id: b.endpoint.id })
      await waitFor('the state to go', () => !host.states.has('test default/b eth0'))
      const left = await sh(
        `iptables-${variant}-save | grep calib; ip route show dev calib; ip neigh show dev calib nud permanent; true`,
      )
      assert.equal(left, '')
    })
  })
}
