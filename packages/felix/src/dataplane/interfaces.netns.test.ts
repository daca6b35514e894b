/** Interfaces that come, go and change their names, and addresses that move: what a plugin or an orchestrator does to a host. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sleep, waitFor } from '@calico-node/core'
import { parseCidr, parseInterfaceName, parseIp } from '@calico-node/model'
import { requireOwnNamespace } from '@calico-node/testkit'
import type { WorkloadEndpoint } from '../calc/messages.ts'
import {
  bothVersions,
  expectPass,
  HostScene,
  openProfile,
  sh,
  UPLINK,
  update,
  type Workload,
} from './host-scene.test.ts'

requireOwnNamespace()

describe('interfaces and addresses', () => {
  let host: HostScene
  let a: Workload
  let b: Workload
  let c: Workload
  const open = (workload: Workload, change: Partial<WorkloadEndpoint> = {}): void =>
    host.send(update(workload, { profiles: ['open'], ...change }))
  const routeTo = async (ip: string): Promise<string> => (await sh(`ip route show ${ip}`)).trim()
  const kernelState = (): Promise<string> =>
    sh(
      'ip route; ip -6 route show proto boot; ip neigh show nud permanent; cat /proc/sys/net/ipv4/conf/calia/proxy_arp',
    )

  before(async () => {
    host = await HostScene.create('nft')
    ;[a, b, c] = [await host.addWorkload('a', 1), await host.addWorkload('b', 2), await host.addWorkload('c', 3)]
    await host.start()
    host.send(openProfile())
    for (const each of [a, b, c]) open(each)
    host.send({ kind: 'in-sync' })
    await host.converged()
    await expectPass(...bothVersions({ from: a, to: b }), ...bothVersions({ from: c, to: b }))
  })
  after(() => host.destroy())

  test('one that flaps has everything again', async () => {
    const before = await kernelState()
    for (let round = 0; round < 5; round++) await sh('ip link set calia down; ip link set calia up')
    await waitFor('everything as before', async () => (await kernelState()) === before)
    await expectPass(...bothVersions({ from: a, to: b }))
  })

  test('one that is made anew under its old name has everything again, and nobody has to say so', async () => {
    await sh('ip link delete calia')
    await waitFor('the route to be gone', async () => (await routeTo(a.ip[4])) === '')
    await sh(`ip link add calia type veth peer name eth0 netns a && ip link set calia up && ip -n a link set eth0 up
      ip -n a addr add ${a.ip[4]}/32 dev eth0 && ip -n a route add 169.254.1.1 dev eth0 && ip -n a route add default via 169.254.1.1`)
    const { mac: _, ...endpoint } = a.endpoint
    a = { ...a, endpoint }
    open(a)
    await expectPass({ from: a, to: b }, { from: b, to: a })
  })

  test('one that gets another name takes its endpoint along, and leaves nothing behind', async () => {
    await sh('ip link set calib down; ip link set calib name cali5ef; ip link set cali5ef up')
    open(b, { interfaceName: parseInterfaceName('cali5ef') })
    await expectPass({ from: a, to: b }, { from: b, to: a })
    const left = async (): Promise<string> => sh('ip route; iptables-nft-save; ip neigh show nud permanent')
    await waitFor('its old name to be forgotten', async () => !/\bcalib\b|-calib\b/.test(await left()))
    await sh('ip link set cali5ef down; ip link set cali5ef name calib; ip link set calib up')
    open(b)
    await expectPass({ from: a, to: b })
  })

  test('a route that a plugin made stays until its endpoint is known, and then is ours', async () => {
    const late = await host.addWorkload('late', 9)
    await sh(`ip route add ${late.ip[4]} dev calilate scope link`)
    open(c, { nets: [...c.endpoint.nets, parseCidr('10.65.0.33/32')] }) // a pass over all routes
    await waitFor('the pass', async () => (await routeTo('10.65.0.33')) !== '')
    assert.match(await routeTo(late.ip[4]), /dev calilate/)
    open(late)
    await expectPass(...bothVersions({ from: late, to: b }))
    host.send({ kind: 'workload.remove', id: late.endpoint.id })
    await waitFor('the route to go', async () => (await routeTo(late.ip[4])) === '')
    open(c)
  })

  test('an address that moves takes its flows along: none goes on with the workload that had it', async () => {
    assert.ok(await a.peer.udp(b.ip[4], 80, { sourcePort: 5000, timeoutMs: 5_000 }))
    assert.match(await sh(`conntrack -L -d ${b.ip[4]} 2>/dev/null`), /sport=5000/)
    await sh(`ip -n c addr add ${b.ip[4]}/32 dev eth0`)
    open(b, { nets: b.endpoint.nets.slice(1) })
    open(c, { nets: [...c.endpoint.nets, ...b.endpoint.nets.slice(0, 1)] })
    await waitFor('the route to move', async () => (await routeTo(b.ip[4])).includes('dev calic'))
    assert.doesNotMatch(await sh(`conntrack -L -d ${b.ip[4]} 2>/dev/null`), /sport=5000/)
    const before = await c.peer.received(a.ip[4])
    assert.ok(await a.peer.udp(b.ip[4], 80, { sourcePort: 5000, timeoutMs: 5_000 }))
    assert.equal(await c.peer.received(a.ip[4]), before + 1)
    await sh(`ip -n c addr del ${b.ip[4]}/32 dev eth0`)
    open(c)
    open(b)
    await expectPass({ from: a, to: b })
  })

  test('an address that two endpoints have is of the newer interface, and the other takes over', async () => {
    await sh(`ip -n c addr add ${b.ip[4]}/32 dev eth0`)
    open(c, { nets: [...c.endpoint.nets, ...b.endpoint.nets.slice(0, 1)] })
    await waitFor('the newer interface to have it', async () => (await routeTo(b.ip[4])).includes('dev calic'))
    open(b, { profiles: ['open', 'other'] })
    await sleep(300) // neither side tries to get it back
    assert.match(await routeTo(b.ip[4]), /dev calic/)
    await sh(`ip -n c addr del ${b.ip[4]}/32 dev eth0`)
    open(c)
    await expectPass({ from: a, to: b })
  })

  test('an address here that is said to be elsewhere stays here, and goes there when nobody here has it', async () => {
    const target = { kind: 'direct', gateway: parseIp(host.outside.ip[4]), nodeIp: parseIp(UPLINK[4]) } as const
    host.send({ kind: 'route.update', dst: parseCidr(`${b.ip[4]}/32`), target })
    host.send({ kind: 'route.update', dst: parseCidr('10.65.7.0/26'), target })
    await waitFor('the way to others', async () => (await routeTo('10.65.7.0/26')).includes('dev uplink'))
    assert.match(await routeTo(b.ip[4]), /dev calib/)
    await expectPass({ from: a, to: b })
    host.send({ kind: 'workload.remove', id: b.endpoint.id })
    await waitFor('the way there', async () => (await routeTo(b.ip[4])).includes('dev uplink'))
    open(b)
    await expectPass({ from: a, to: b })
  })
})
