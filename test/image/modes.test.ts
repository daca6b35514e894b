// Policy without networking: Felix alone, and nobody else's routes touched.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '@calico-node/core'
import { expectBlocked, expectReachable } from '@calico-node/lab'
import { addOpenWorkload, addWorkload } from '../with-lab.ts'
import { type ContainerHost, LEAST_PRIVILEGE, withContainerHosts } from './with-docker.ts'

const WITHOUT_BIRD = LEAST_PRIVILEGE.filter((option) => option !== '--cap-add=NET_BIND_SERVICE')

const services = async (node: ContainerHost): Promise<string[]> =>
  (await node.inside('sh', '-c', 'ls $SVDIR')).split('\n')
const routes = async ({ host }: ContainerHost): Promise<string> => host.machine.must(['ip', 'route'])
const birds = async ({ host }: ContainerHost): Promise<number[]> =>
  (await Promise.all(['bird', 'bird6', 'confd'].map(async (name) => host.pids(name)))).flat()

test('from networking to policy only', async (t) => {
  await withContainerHosts(['host1', 'host2'], async ([one, two]) => {
    assert.ok(one !== undefined && two !== undefined)
    await Promise.all([one.run(), two.run()])
    const a = await addOpenWorkload(one.host, 'a')
    const b = await addOpenWorkload(two.host, 'b')
    const closed = await addWorkload(one.host, 'closed')
    await expectReachable(
      [
        { from: a, to: b },
        { from: b, to: a },
      ],
      40_000,
    )
    const { machine } = one.host
    const [learnt = ''] = (await routes(one))
      .split('\n')
      .filter((line) => line.includes(`via ${two.host.addresses.ipv4}`) && line.startsWith('192.168.'))
    assert.match(learnt, /proto bird/)

    await one.remove()
    // Not before: a BIRD that runs takes back what has its protocol number and is not from it.
    await machine.sh(`
      ip route add 10.98.0.0/24 via ${two.host.addresses.ipv4} proto bird
      ip route add 10.99.0.0/24 via ${two.host.addresses.ipv4} proto static`)
    await one.run({ rights: WITHOUT_BIRD, env: { CALICO_NETWORKING: 'false' } })
    await one.becomesHealthy()

    await t.test('BIRD and confd are absent, not failing', async () => {
      assert.deepEqual(await services(one), ['felix', 'node-services'])
      assert.deepEqual(await birds(one), [])
      assert.doesNotMatch(await one.log(), /\[(WARNING|ERROR)\](?!.*CALICO_NETWORKING is deprecated)/)
    })
    await t.test('routes that our BIRD had left are gone, those of others stand', async () => {
      const now = await routes(one)
      assert.ok(!now.includes(learnt.split(' ')[0] ?? learnt), now)
      assert.match(now, /^10\.98\.0\.0\/24 .* proto bird/m)
      assert.match(now, /^10\.99\.0\.0\/24 .* proto static/m)
    })
    await t.test('workloads old and new have their local routes, and their policy', async () => {
      const c = await addOpenWorkload(one.host, 'c')
      for (const workload of [a, c]) {
        const address = await workload.address()
        await waitFor(`a route to ${address}`, async () => (await routes(one)).includes(`${address} dev cali`))
      }
      await expectReachable([
        { from: a, to: c },
        { from: c, to: a },
      ])
      await expectBlocked([
        { from: a, to: closed },
        { from: closed, to: c },
      ])
    })
    await t.test('networking by others carries traffic between hosts, under policy', async () => {
      await machine.sh(`ip route add ${learnt.split(' ')[0]} via ${two.host.addresses.ipv4} proto static`)
      await two.host.machine.sh(`ip route replace ${await a.address()} via ${one.host.addresses.ipv4} proto static`)
      await expectReachable([{ from: a, to: b }])
      await expectBlocked([{ from: closed, to: b }])
    })
    await t.test('a second start finds nothing to remove', async () => {
      await one.remove()
      await one.run({ rights: WITHOUT_BIRD, env: { CALICO_NETWORKING_BACKEND: 'none' } })
      assert.ok((await routes(one)).includes('proto static'))
      assert.doesNotMatch(await one.log(), /Removed routes/)
    })
  })
})

const PLUGINS = '--volume=/run/docker/plugins:/run/docker/plugins'
const WITH_BGP = ['bird', 'bird6', 'confd', 'node-services']
const MODES: readonly (readonly [env: Record<string, string>, services: readonly string[]])[] = [
  [{}, ['bird', 'bird6', 'confd', 'felix', 'node-services']],
  [{ CALICO_NETWORKING_BACKEND: 'bird', CALICO_DISABLE_FELIX: 'yes' }, WITH_BGP],
  [{ CALICO_NETWORKING_BACKEND: 'vxlan' }, ['felix', 'node-services']],
  [{ CALICO_NETWORKING_BACKEND: 'none' }, ['felix', 'node-services']],
  [{ CALICO_NODE_ROLE: 'reflector', CALICO_ROUTE_REFLECTOR_CLUSTER_ID: '224.0.0.1' }, WITH_BGP],
  [{ CALICO_LIBNETWORK_ENABLED: 'true', CALICO_NETWORKING_BACKEND: 'none' }, ['felix', 'libnetwork', 'node-services']],
]

test('which services a mode has', async (t) => {
  await withContainerHosts(['host1', 'host2', 'host3'], async (hosts) => {
    // They come and go: none of them shall wait for another.
    await hosts[0]?.host.machine.must(['calicoctl', 'bgp', 'node-mesh', 'off'])
    const left = [...MODES]
    const work = async (node: ContainerHost): Promise<void> => {
      await node.host.machine.sh('mkdir -p /run/docker/plugins')
      for (let mode = left.shift(); mode !== undefined; mode = left.shift()) {
        const [env, names] = mode
        await t.test(JSON.stringify(env), async () => {
          await node.run({ env, rights: [...LEAST_PRIVILEGE, PLUGINS] })
          assert.deepEqual(await services(node), names)
          await node.becomesHealthy()
        })
        await node.remove()
      }
    }
    await Promise.all(hosts.map(work))
  })
})
